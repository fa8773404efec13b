// atriumd through @grpc/grpc-js: every method of both services, health, and the Connect stream.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectServices, JsonSession, Refusal, refusal, StreamSession, until } from './clients.mjs';
import { Daemon } from './daemon.mjs';
import { fromValue, grpc, Health, toValue } from './protos.mjs';

let daemon;
let rooms;
let sessions;
let close;
const opened = [];

before(async () => {
  daemon = await Daemon.start();
  ({ rooms, sessions, close } = connectServices(daemon.grpc));
});

after(async () => {
  opened.forEach((session) => session.close());
  close?.();
  assert.equal(await daemon?.stop(), 0);
});

async function stream(user) {
  const session = await StreamSession.open(daemon.grpc, user);
  opened.push(session);
  return session;
}

test('health says SERVING', async () => {
  const health = new Health(daemon.grpc, grpc.credentials.createInsecure());
  const response = await new Promise((resolve, reject) =>
    health.check({ service: '' }, (error, value) => (error ? reject(error) : resolve(value))),
  );
  health.close();
  assert.equal(response.status, 'SERVING');
});

test('Emit into an absent room notifies nobody and creates nothing', async () => {
  const response = await rooms.emit({ roomId: 'absent', event: 'e', data: toValue({}) });
  assert.deepEqual(response, { success: true, event: 'e', notified: 0, roomId: 'absent', position: null });
  const error = await refusal(rooms.getRoom({ roomId: 'absent' }));
  assert.deepEqual([error.code, error.reason, error.domain], [grpc.status.NOT_FOUND, 'ROOM_NOT_FOUND', 'atrium']);
});

test('SetState merges, GetState reads', async () => {
  const state = { a: 1, list: [1, { deep: null }, 'ü'], gone: true };
  const first = await rooms.setState({ roomId: 'state', state: toValue(state) });
  assert.equal(first.position.offset, '1');
  const second = await rooms.setState({ roomId: 'state', state: toValue({ gone: null, b: 1.5 }) });
  assert.deepEqual(second.position, { epoch: first.position.epoch, offset: '2' });
  const read = await rooms.getState({ roomId: 'state' });
  assert.deepEqual(fromValue(read.state), { a: 1, list: [1, { deep: null }, 'ü'], b: 1.5 });
  assert.deepEqual(read.position, second.position);
});

test('SendMessage posts message:new into an untyped room', async () => {
  const session = await stream('ana');
  await session.request('join', { roomId: 'messages' });
  const { success, message, notified, roomId } = await rooms.sendMessage({ roomId: 'messages', text: 'hello' });
  assert.deepEqual([success, message.user, message.text, notified, roomId], [true, 'API Bot', 'hello', 1, 'messages']);
  const event = await session.pushed('event');
  assert.equal(event.event, 'message:new');
  assert.deepEqual([event.data.id, event.data.user, event.data.text], [message.id, 'API Bot', 'hello']);
  assert.ok(Math.abs(new Date(event.data.timestamp) - Date.now()) < 60_000);
});

test('Join brings a session in, Leave takes it out', async () => {
  const session = await stream('ana');
  const joined = await rooms.join({ roomId: 'brought', memberId: session.id, initialState: toValue({ topic: 'x' }) });
  assert.equal(joined.memberId, session.id);
  assert.equal(joined.room.memberCount, 1);
  assert.deepEqual(fromValue(joined.state), { topic: 'x' });
  assert.deepEqual(
    joined.members.map(({ id, userId }) => [id, userId]),
    [[session.id, 'ana']],
  );
  const snapshot = await session.pushed('snapshot');
  assert.deepEqual([snapshot.room.id, snapshot.memberId, snapshot.state], ['brought', session.id, { topic: 'x' }]);

  await rooms.leave({ roomId: 'brought', memberId: session.id });
  const left = await session.pushed('left');
  assert.deepEqual([left.roomId, left.memberId, left.reason], ['brought', session.id, 'LEAVE_REASON_LEAVE']);
  assert.equal((await refusal(rooms.leave({ roomId: 'brought', memberId: session.id }))).code, grpc.status.NOT_FOUND);
  assert.equal((await refusal(rooms.join({ roomId: 'brought', memberId: 'nobody' }))).code, grpc.status.NOT_FOUND);
});

test('GetRoom, ListRooms, ListMembers and GetStats agree', async () => {
  const members = await Promise.all(['ana', 'bo', 'eva'].map(stream));
  for (const session of members) {
    await session.request('join', { roomId: 'list:1' });
    await session.request('join', { roomId: 'list:2' });
  }
  const room = await rooms.getRoom({ roomId: 'list:1' });
  assert.deepEqual([room.id, room.type, room.memberCount, room.maxMembers], ['list:1', '', 3, 0]);

  const listed = [];
  let pageToken = '';
  do {
    const page = await rooms.listRooms({ pageSize: 2, pageToken });
    assert.ok(page.rooms.length <= 2);
    listed.push(...page.rooms.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken);
  assert.deepEqual(listed, [...listed].sort());
  assert.ok(listed.includes('list:1') && listed.includes('list:2'));

  const first = await rooms.listMembers({ roomId: 'list:1', pageSize: 2 });
  const second = await rooms.listMembers({ roomId: 'list:1', pageSize: 2, pageToken: first.nextPageToken });
  assert.equal(second.nextPageToken, '');
  const roster = [...first.members, ...second.members];
  assert.deepEqual(
    roster.map(({ id }) => id),
    members.map(({ id }) => id).sort(),
  );
  assert.deepEqual(roster.map(({ userId }) => userId).sort(), ['ana', 'bo', 'eva']);

  const stats = await rooms.getStats({});
  assert.equal(stats.success, true);
  assert.equal(stats.rooms.totalRooms, listed.length);
  assert.equal(stats.rooms.rooms['list:1'].members, 3);
});

test('Emit chooses its receivers', async () => {
  const [ana, bo, eva] = await Promise.all(['ana', 'bo', 'eva'].map(stream));
  for (const session of [ana, bo, eva]) {
    await session.request('join', { roomId: 'chosen' });
  }
  const to = await rooms.emit({ roomId: 'chosen', event: 'to', to: [ana.id] });
  const exclude = await rooms.emit({ roomId: 'chosen', event: 'exclude', exclude: [ana.id] });
  const all = await rooms.emit({ roomId: 'chosen', event: 'all' });
  assert.deepEqual([to.notified, exclude.notified, all.notified], [1, 2, 3]);
  const offsets = [to, exclude, all].map(({ position }) => BigInt(position.offset));
  assert.deepEqual(offsets, [offsets[0], offsets[0] + 1n, offsets[0] + 2n]);
  await Promise.all([ana, bo, eva].map((session) => session.pushed('event', ({ event }) => event === 'all')));
  const names = (session) => session.events('chosen').map(([, event]) => event);
  assert.deepEqual(
    [names(ana), names(bo), names(eva)],
    [
      ['to', 'all'],
      ['exclude', 'all'],
      ['exclude', 'all'],
    ],
  );
});

test('errors name reason and field', async () => {
  const name = await refusal(rooms.emit({ roomId: 'no spaces', event: 'e' }));
  assert.equal(name.code, grpc.status.INVALID_ARGUMENT);
  assert.match(name.message, /Must be 1-64 alphanumeric characters, hyphens, underscores, dots, or colons\./);
  assert.match(name.field, /roomId|room_id/);
  const event = await refusal(rooms.emit({ roomId: 'a', event: '' }));
  assert.deepEqual([event.code, event.field, event.domain], [grpc.status.INVALID_ARGUMENT, 'event', 'atrium']);
  const state = await refusal(rooms.setState({ roomId: 'chat:errors', state: toValue({}) }));
  assert.equal(state.message, 'Room state is server-only');
});

test('ListSessions shows who is connected and how', async () => {
  const session = await stream('zoe');
  await session.request('join', { roomId: 'shown' });
  const listed = [];
  let pageToken = '';
  do {
    const page = await sessions.listSessions({ pageSize: 3, pageToken });
    listed.push(...page.sessions);
    pageToken = page.nextPageToken;
  } while (pageToken);
  const own = listed.find(({ id }) => id === session.id);
  assert.deepEqual([own.userId, own.transport, own.client, own.roomIds], ['zoe', 'grpc', 'interop', ['shown']]);
});

test('DisconnectSession says goodbye', async () => {
  const streaming = await stream('zoe');
  const browser = await JsonSession.open(daemon.webSocketUrl, 'zoe');
  for (const session of [streaming, browser]) {
    await sessions.disconnectSession({ sessionId: session.id, reason: 'cleaning up' });
    const goodbye = await session.pushed('goodbye');
    assert.deepEqual([goodbye.code, goodbye.reason], [3503, 'cleaning up']);
    await until(() => session.ended, 'the end');
    const again = await refusal(sessions.disconnectSession({ sessionId: session.id }));
    assert.equal(again.code, grpc.status.NOT_FOUND);
  }
  assert.equal(browser.closeCode, 3503);
});

test('a stream carries batches and answers in order', async () => {
  const session = await stream('ana');
  const results = await session.requests([
    { join: { roomId: 'batch', initialState: { n: 0 } } },
    { emit: { roomId: 'batch', event: 'one', data: { deep: [1, { two: null }] }, includeSelf: true } },
    { emit: { roomId: 'elsewhere', event: 'two' } },
    { setState: { roomId: 'batch', state: { n: 1 } } },
    { getState: { roomId: 'batch' } },
  ]);
  const [join, emit, refused, setState, getState] = results;
  assert.deepEqual([join.room.id, join.memberId, join.state], ['batch', session.id, { n: 0 }]);
  assert.deepEqual([emit.success, emit.notified], [true, 1]);
  assert.ok(refused instanceof Refusal);
  assert.deepEqual([refused.code, refused.message], [grpc.status.PERMISSION_DENIED, 'Not a member of this room']);
  assert.deepEqual(getState.state, { n: 1 });
  assert.deepEqual(getState.position, setState.position);
  const event = await session.pushed('event');
  assert.deepEqual(
    [event.event, event.data, event.senderId, event.senderUserId],
    ['one', { deep: [1, { two: null }] }, session.id, 'ana'],
  );
  const patch = await session.pushed('patch');
  assert.deepEqual(
    [patch.offset, patch.operations],
    [setState.position.offset, [{ op: 'replace', path: '/n', value: 1 }]],
  );
});

test('a half-close ends the session', async () => {
  const stays = await stream('ana');
  const goes = await stream('bo');
  await stays.request('join', { roomId: 'half' });
  await goes.request('join', { roomId: 'half' });
  goes.close();
  const change = await stays.pushed('member', ({ left }) => left?.length > 0);
  assert.deepEqual(
    [change.left[0].member.id, change.left[0].reason, change.count],
    [goes.id, 'LEAVE_REASON_DISCONNECT', 1],
  );
  await until(() => goes.ended, 'the stream ended');
  assert.equal(goes.status.code, grpc.status.OK);
});
