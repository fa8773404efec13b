// REST through fetch: every route, the shapes that callers rely on, and refusals.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { JsonSession, refusal, until } from './clients.mjs';
import { Daemon } from './daemon.mjs';
import { readJsonStatus } from './protos.mjs';
import { rest } from './rest.mjs';

let daemon;
let call;
let session;

before(async () => {
  daemon = await Daemon.start();
  call = rest(daemon.url);
  session = await JsonSession.open(daemon.webSocketUrl, 'ana');
});

after(async () => {
  session?.close();
  assert.equal(await daemon?.stop(), 0);
});

test('POST members, GET members, DELETE member', async () => {
  const joined = await call('POST', '/api/rooms/geral/members', { memberId: session.id, initialState: { topic: 'x' } });
  assert.deepEqual([joined.memberId, joined.room.id, joined.room.memberCount], [session.id, 'geral', 1]);
  assert.deepEqual(joined.state, { topic: 'x' });
  assert.equal((await session.pushed('snapshot')).room.id, 'geral');
  const { members, nextPageToken } = await call('GET', '/api/rooms/geral/members?pageSize=5');
  assert.deepEqual([members.length, members[0].id, members[0].userId, nextPageToken], [1, session.id, 'ana', '']);
  assert.deepEqual(await call('DELETE', `/api/rooms/geral/members/${session.id}`), {});
  assert.equal((await refusal(call('DELETE', `/api/rooms/geral/members/${session.id}`))).status, 404);
  await session.request('join', { roomId: 'geral' });
});

test('POST messages answers as webhooks expect', async () => {
  const reply = await call('POST', '/api/rooms/geral/messages', { user: 'Ana', text: 'Olá!' });
  const { id, timestamp } = reply.message;
  const message = { id, user: 'Ana', text: 'Olá!', timestamp };
  assert.deepEqual(reply, { success: true, message, notified: 1, roomId: 'geral' });
  assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  const event = await session.pushed('event');
  assert.deepEqual([event.event, event.data], ['message:new', message]);
});

test('POST emit prints its zeros', async () => {
  const absent = await call('POST', '/api/rooms/tech/emit', { event: 'deploy', data: { version: '1.4.0' } });
  assert.deepEqual([absent.success, absent.event, absent.notified, absent.roomId], [true, 'deploy', 0, 'tech']);
  const present = await call('POST', '/api/rooms/geral/emit', { event: 'deploy', data: [1, 'two', null] });
  assert.equal(present.notified, 1);
  assert.match(present.position.offset, /^[1-9][0-9]*$/);
  assert.deepEqual((await session.pushed('event', ({ event }) => event === 'deploy')).data, [1, 'two', null]);
});

test('PATCH and GET state', async () => {
  await call('PATCH', '/api/rooms/geral/state', { topic: null, n: 1e3 });
  const { state, position } = await call('GET', '/api/rooms/geral/state');
  assert.deepEqual(state, { n: 1000 });
  assert.equal(position.offset, (await session.pushed('patch')).offset);
});

test('GET room, rooms and stats', async () => {
  const room = await call('GET', '/api/rooms/geral');
  assert.deepEqual([room.id, room.type, room.memberCount, room.maxMembers], ['geral', '', 1, 0]);
  const { rooms } = await call('GET', '/api/rooms');
  assert.deepEqual(
    rooms.map(({ id }) => id),
    ['geral'],
  );
  const stats = await call('GET', '/api/rooms/stats');
  const { createdAt, lastActivity } = stats.rooms.rooms.geral;
  assert.deepEqual(stats, {
    success: true,
    rooms: { totalRooms: 1, rooms: { geral: { members: 1, createdAt, lastActivity } } },
  });
  assert.ok(Date.parse(createdAt) <= Date.parse(lastActivity));
});

test('GET sessions, DELETE session', async () => {
  const other = await JsonSession.open(daemon.webSocketUrl, 'bo');
  const { sessions } = await call('GET', '/api/sessions');
  assert.deepEqual(sessions.map(({ userId }) => userId).sort(), ['ana', 'bo']);
  assert.deepEqual(await call('DELETE', `/api/sessions/${other.id}?reason=enough`), {});
  assert.equal((await other.pushed('goodbye')).reason, 'enough');
  await until(() => other.ended, 'the end');
  assert.equal((await refusal(call('DELETE', `/api/sessions/${other.id}`))).status, 404);
});

test('refusals are a google.rpc.Status with the field at fault', async () => {
  const unknown = await refusal(call('POST', '/api/rooms/geral/emit', { event: 'e', dada: 1 }));
  assert.deepEqual([unknown.status, unknown.code, unknown.field], [400, 3, 'dada']);
  const mistyped = await refusal(call('POST', '/api/rooms/geral/messages', { text: 5 }));
  assert.deepEqual([mistyped.status, mistyped.code, mistyped.field], [400, 3, 'text']);
  const empty = await refusal(call('POST', '/api/rooms/geral/messages', { text: '' }));
  assert.deepEqual([empty.status, empty.field], [400, 'text']);
  const name = await refusal(call('POST', '/api/rooms/no%20spaces/emit', { event: 'e' }));
  assert.equal(name.status, 400);
  assert.match(name.message, /Must be 1-64 alphanumeric characters/);
  const absent = await refusal(call('GET', '/api/rooms/absent'));
  assert.deepEqual([absent.status, absent.code, absent.reason, absent.domain], [404, 5, 'ROOM_NOT_FOUND', 'atrium']);
  assert.equal((await refusal(call('GET', '/api/nothing'))).status, 404);
  assert.equal((await refusal(call('PUT', '/api/rooms/geral/emit', {}))).status, 405);
});

test('refuses what is not JSON, or too much of it', async () => {
  const post = (body, type) =>
    fetch(`${daemon.url}/api/rooms/geral/emit`, { method: 'POST', headers: { 'content-type': type }, body });
  for (const [body, type, status] of [
    ['event=e', 'application/x-www-form-urlencoded', 415],
    ['{"event":', 'application/json', 400],
    [JSON.stringify({ event: 'e', data: 'x'.repeat(1_100_000) }), 'application/json', 413],
  ]) {
    const response = await post(body, type);
    assert.equal(response.status, status);
    assert.ok(readJsonStatus(await response.json()).message);
  }
});

test('the page is there, with its policy, and nothing else', async () => {
  const page = await fetch(daemon.url);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type'), /^text\/html/);
  assert.ok(page.headers.get('content-security-policy'));
  const [, script] = /src="(\/assets\/[^"]+)"/.exec(await page.text());
  const asset = await fetch(daemon.url + script);
  assert.match(asset.headers.get('content-type'), /^text\/javascript/);
  assert.ok((await asset.text()).length > 10_000);
  assert.equal((await fetch(`${daemon.url}/assets/absent.js`)).status, 404);
});
