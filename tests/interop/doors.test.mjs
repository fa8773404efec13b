// One room, four doors: a gRPC stream, WebSockets in JSON and in protobuf (ws, protobufjs), and REST (fetch).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectServices, JsonSession, ProtoSession, refusal, StreamSession, until } from './clients.mjs';
import { Daemon } from './daemon.mjs';
import { fromValue } from './protos.mjs';
import { rest } from './rest.mjs';

const kEach = 20;

let daemon;
let services;
let call;
let sessions = {};

before(async () => {
  daemon = await Daemon.start();
  services = connectServices(daemon.grpc);
  call = rest(daemon.url);
  sessions = {
    stream: await StreamSession.open(daemon.grpc, 'ana'),
    json: await JsonSession.open(daemon.webSocketUrl, 'bo'),
    proto: await ProtoSession.open(daemon.webSocketUrl, 'eva'),
  };
});

after(async () => {
  Object.values(sessions).forEach((session) => session.close());
  services?.close();
  assert.equal(await daemon?.stop(), 0);
});

const everyone = () => Object.values(sessions);

test('each is welcomed by name, and listed with its transport', async () => {
  assert.deepEqual(
    everyone().map(({ welcome }) => welcome.userId),
    ['ana', 'bo', 'eva'],
  );
  const { sessions: listed } = await call('GET', '/api/sessions');
  const transports = Object.fromEntries(listed.map(({ userId, transport }) => [userId, transport]));
  assert.deepEqual(transports, { ana: 'grpc', bo: 'websocket-json', eva: 'websocket-proto' });
});

test('all meet in one room and see who came', async () => {
  const { stream, json, proto } = sessions;
  const first = await stream.request('join', { roomId: 'meet', initialState: { topic: 'start', n: 0 } });
  assert.deepEqual(first.state, { topic: 'start', n: 0 });
  await json.request('join', { roomId: 'meet', initialState: { ignored: true } });
  const last = await proto.request('join', { roomId: 'meet' });
  assert.deepEqual(last.state, { topic: 'start', n: 0 });
  assert.deepEqual(last.members.map(({ userId }) => userId).sort(), ['ana', 'bo', 'eva']);
  assert.equal(last.room.memberCount, 3);
  for (const session of [stream, json]) {
    const change = await session.pushed('member', ({ count }) => count === 3);
    assert.equal(change.joined.at(-1).userId, 'eva');
  }
  const { members } = await call('GET', '/api/rooms/meet/members');
  assert.deepEqual(
    members.map(({ id }) => id),
    everyone()
      .map(({ id }) => id)
      .sort(),
  );
});

test('all see the same events at the same offsets in the same order', async () => {
  const emitters = everyone().map(async (session, index) => {
    for (let n = 0; n < kEach; n++) {
      const data = { from: index, n, text: 'olá ✓', list: [n, null, 1.5], nested: { ok: true } };
      const reply = await session.request('emit', { roomId: 'meet', event: 'tick', data, includeSelf: true });
      assert.equal(reply.notified, 3);
    }
  });
  const posts = (async () => {
    for (let n = 0; n < kEach; n++) {
      const reply = await call('POST', '/api/rooms/meet/emit', { event: 'tick', data: { from: 3, n } });
      assert.equal(reply.notified, 3);
    }
  })();
  await Promise.all([...emitters, posts]);
  const expected = 4 * kEach;
  await until(() => everyone().every((session) => session.events('meet').length >= expected), 'all events came');

  const [stream, json, proto] = everyone().map((session) => session.events('meet'));
  assert.equal(stream.length, expected);
  assert.deepEqual(json, stream);
  assert.deepEqual(proto, stream);
  const offsets = stream.map(([offset]) => BigInt(offset));
  offsets.slice(1).forEach((offset, index) => assert.equal(offset, offsets[index] + 1n));
  for (const [from, user] of ['ana', 'bo', 'eva', ''].entries()) {
    const own = stream.filter(([, , data]) => data.from === from);
    assert.deepEqual(
      own.map(([, , data]) => data.n),
      Array.from({ length: kEach }, (_, n) => n),
    );
    assert.ok(own.every(([, , , sender]) => sender === user));
  }
});

test('all see the same patches, whoever made them', async () => {
  const reply = await call('PATCH', '/api/rooms/meet/state', { topic: 'by REST', 'a/b': { c: [1] } });
  await sessions.proto.request('setState', { roomId: 'meet', state: { n: 7, topic: null } });
  const read = await sessions.json.request('getState', { roomId: 'meet' });
  assert.deepEqual(read.state, { n: 7, 'a/b': { c: [1] } });
  const patches = (session) =>
    session.frames.filter(({ patch }) => patch).map(({ patch }) => [patch.offset, patch.operations]);
  await until(() => everyone().every((session) => patches(session).length >= 2), 'both patches came');
  const [stream, json, proto] = everyone().map(patches);
  assert.deepEqual(json, stream);
  assert.deepEqual(proto, stream);
  assert.equal(stream[0][0], reply.position.offset);
  assert.ok(stream[0][1].some(({ path }) => path === '/a~1b'));
  const { state } = await call('GET', '/api/rooms/meet/state');
  assert.deepEqual(state, read.state);
  assert.deepEqual(fromValue((await services.rooms.getState({ roomId: 'meet' })).state), read.state);
});

test('an event does not come back to its sender unless it asks', async () => {
  const { json, proto } = sessions;
  const reply = await json.request('emit', { roomId: 'meet', event: 'others' });
  assert.equal(reply.notified, 2);
  await proto.pushed('event', ({ event }) => event === 'others');
  await json.request('getState', { roomId: 'meet' }); // What came before its reply is here.
  assert.ok(!json.frames.some(({ event }) => event?.event === 'others'));
});

test('a typed room: clients are sent away, a service brings them in', async () => {
  const { stream, json, proto } = sessions;
  for (const session of everyone()) {
    const error = await refusal(session.request('join', { roomId: 'chat:lobby' }));
    assert.deepEqual([error.code, error.message], [7, 'Room requires server-side join via component action']);
    assert.equal(error.domain, 'atrium');
    const joined = await services.rooms.join({ roomId: 'chat:lobby', memberId: session.id });
    assert.equal(joined.room.type, 'chat');
    const snapshot = await session.pushed('snapshot', ({ room }) => room.id === 'chat:lobby');
    assert.equal(snapshot.memberId, session.id);
    assert.deepEqual(snapshot.state.messages, []);
  }
  const state = await refusal(json.request('setState', { roomId: 'chat:lobby', state: {} }));
  assert.equal(state.message, 'Room state is server-only');

  const sent = await services.rooms.sendMessage({ roomId: 'chat:lobby', user: 'ci', text: 'over gRPC' });
  assert.deepEqual([sent.message.user, sent.message.text, sent.notified], ['ci', 'over gRPC', 3]);
  const posted = await call('POST', '/api/rooms/chat:lobby/messages', { user: 'ci', text: 'over REST' });
  assert.deepEqual(
    [posted.success, posted.message.text, posted.notified, posted.roomId],
    [true, 'over REST', 3, 'chat:lobby'],
  );

  await until(() => everyone().every((session) => session.events('chat:lobby').length >= 2), 'both messages came');
  assert.deepEqual(json.events('chat:lobby'), stream.events('chat:lobby'));
  assert.deepEqual(proto.events('chat:lobby'), stream.events('chat:lobby'));
  const [[, name, data]] = json.events('chat:lobby');
  assert.equal(name, 'chat:message');
  assert.deepEqual([data.id, data.user, data.text], [sent.message.id, 'ci', 'over gRPC']);
  assert.ok(!Number.isNaN(Date.parse(data.timestamp)));

  const read = await call('GET', '/api/rooms/chat:lobby/state');
  assert.deepEqual(
    read.state.messages.map(({ text }) => text),
    ['over gRPC', 'over REST'],
  );
  assert.equal(read.state.onlineCount, 3);
});

test('a service takes members out; nothing of the room follows', async () => {
  const { json } = sessions;
  await call('DELETE', `/api/rooms/chat:lobby/members/${json.id}`);
  const left = await json.pushed('left');
  assert.deepEqual([left.roomId, left.memberId], ['chat:lobby', json.id]);
  const index = json.frames.length;
  await services.rooms.sendMessage({ roomId: 'chat:lobby', text: 'without bo' });
  await sessions.stream.pushed('event', ({ data }) => data?.text === 'without bo');
  await json.request('getState', { roomId: 'meet' });
  assert.ok(json.frames.slice(index).every((frame) => !JSON.stringify(frame).includes('chat:lobby')));
});

test('a closed WebSocket is a member gone', async () => {
  const { proto, json } = sessions;
  proto.close();
  const change = await json.pushed('member', ({ roomId, left }) => roomId === 'meet' && left?.length > 0);
  assert.deepEqual(
    [change.left[0].member.userId, change.left[0].reason, change.count],
    ['eva', 'LEAVE_REASON_DISCONNECT', 2],
  );
});
