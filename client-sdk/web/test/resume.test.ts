import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { AtriumClient, Room } from '../src/index.js';
import { FakeServer } from './fake_server.js';
import { clientOf, until } from './support.js';
import { version } from '../src/version.js';

let server: FakeServer;
let client: AtriumClient;

beforeEach(async () => {
  server = new FakeServer();
  server.resumes = true;
  await server.start();
  client = clientOf(server);
});

afterEach(async () => {
  client.close();
  await server.stop();
});

const event = (offset: string, name: string, senderId = 's9') => ({
  event: { roomId: 'geral', offset, event: name, senderId },
});

/** What the application hears of `room` and of its client. */
function heard(room: Room<any>): string[] {
  const words: string[] = [];
  room.on('*', (data, { event: name }) =>
    words.push(name.startsWith('$') ? `${name} ${(data as { subscriberId: string }).subscriberId}` : name),
  );
  room.onState((state) => words.push(`state ${JSON.stringify(state)}`));
  room.onGap(() => words.push('gap'));
  room.onLeft(({ reason }) => words.push(`left ${reason}`));
  return words;
}

/** Cuts the connection, and waits for the next one. */
async function lose(): Promise<void> {
  const hellos = server.hellos.length;
  server.last.terminate();
  await until(() => server.hellos.length === hellos + 1 && client.status === 'online', 'a new connection');
}

test('a session goes on over the next connection, with what was missed and nothing twice', async () => {
  const room = await client.join('geral');
  const words = heard(room);
  server.push(event('5', 'before'));
  await until(() => words.length === 1, 'it came');
  server.onHello = () => {
    server.push(event('5', 'before')); // Written out, so it may come again.
    server.push(event('6', 'missed'));
  };
  await lose();
  server.push(event('7', 'after'));
  await until(() => words.includes('after'), 'all came');
  assert.deepEqual(words, ['before', 'missed', 'after']);
  assert.deepEqual(server.hellos[1], {
    token: 'ana',
    client: `atrium-web/${version}`,
    resumeToken: 't1',
    known: [{ roomId: 'geral', position: { epoch: 'e1', offset: '5' } }],
  });
  assert.deepEqual([client.sessionId, room.memberId, server.joins.length], ['s1', 's1', 1]);
  assert.equal(client.statusInfo.resumed, true);
  await lose();
  assert.equal(server.hellos[2]!['resumeToken'], 't2');
});

test('a snapshot in place of what was missed is told', async () => {
  const room = await client.join('geral');
  const words = heard(room);
  await lose();
  const position = { epoch: 'e2', offset: '9' };
  const members = [{ id: 's1', connected: true }, { id: 's9' }];
  const info = { id: 'geral', memberCount: 2 };
  server.push({ snapshot: { room: info, memberId: 's1', state: { a: 1 }, position, members } });
  await until(() => words.length === 2, 'it came');
  assert.deepEqual(words, ['state {"a":1}', 'gap']);
  assert.deepEqual(room.position, position);
  assert.deepEqual(
    room.members.map(({ id, connected }) => [id, connected]),
    [
      ['s1', true],
      ['s9', false],
    ],
  );
});

test('another session joins behind what the last one had', async () => {
  server.state = { topic: 'old' };
  const room = await client.join('geral');
  const words = heard(room);
  server.push(event('5', 'before'));
  await until(() => words.length === 1, 'it came');
  server.resumes = false;
  server.state = undefined;
  server.joined = { recovered: true, position: { epoch: 'e1', offset: '5' }, members: [] };
  await lose();
  await until(() => room.memberId === 's2', 'joined again');
  server.push({
    member: { roomId: 'geral', offset: '6', left: [{ member: { id: 's1' } }, { member: { id: 's9' } }], count: 0 },
  });
  server.push(event('7', 'its own', 's1'));
  server.push(event('8', 'missed'));
  server.push({
    member: { roomId: 'geral', offset: '9', joined: [{ id: 's2', connected: true }, { id: 's10' }], count: 2 },
  });
  await until(() => room.count === 2, 'all came');
  assert.deepEqual(words, ['before', '$sub:leave s9', 'missed', '$sub:join s10']);
  assert.deepEqual(server.joins[1], { roomId: 'geral', since: { epoch: 'e1', offset: '5' } });
  assert.deepEqual(room.state, { topic: 'old' });
  assert.deepEqual([client.sessionId, client.statusInfo.resumed], ['s2', false]);
});

test('another session takes the room as it is when what it missed is not known any more', async () => {
  server.state = { topic: 'old' };
  const room = await client.join('geral');
  const words = heard(room);
  server.resumes = false;
  server.state = { topic: 'new' };
  server.joined = { position: { epoch: 'e2', offset: '1' } };
  await lose();
  await until(() => words.length === 2, 'joined again');
  assert.deepEqual(words, ['state {"topic":"new"}', 'gap']);
  server.push(event('2', 'after'));
  await until(() => words.length === 3, 'it goes on');
});

test('a room that has waited for long enough is joined again in the same session', async () => {
  const room = await client.join('geral');
  const words = heard(room);
  server.joined = { recovered: true, position: { epoch: 'e1', offset: '4' } };
  server.onHello = () =>
    server.push({ left: { roomId: 'geral', memberId: 's1', reason: 'LEAVE_REASON_DISCONNECT' } });
  await lose();
  await until(() => server.joins.length === 2 && room.joined, 'joined again');
  server.push(event('5', 'after'));
  await until(() => words.length === 1, 'it goes on');
  assert.deepEqual(server.joins[1], { roomId: 'geral', since: { epoch: 'e1', offset: '4' } });
  assert.deepEqual(words, ['after']);
});

test('a room that it was taken out of meanwhile is left', async () => {
  const room = await client.join('geral');
  const words = heard(room);
  server.onHello = () => server.push({ left: { roomId: 'geral', memberId: 's1', reason: 'LEAVE_REASON_LEAVE' } });
  await lose();
  await until(() => words.length === 1, 'told');
  assert.deepEqual([words, server.joins.length, client.rooms], [['left LEAVE_REASON_LEAVE'], 1, []]);
});

test('a room whose join came too fast is joined a little later', async () => {
  const room = await client.join('geral');
  const words = heard(room);
  server.resumes = false;
  server.joined = { recovered: true, position: { epoch: 'e1', offset: '4' } };
  const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'RATE_LIMITED' }];
  server.refuse = { code: 8, message: 'Rate limit exceeded', details };
  await lose();
  await until(() => server.joins.length === 2, 'it was asked');
  server.refuse = undefined;
  await until(() => room.memberId === 's2', 'joined again');
  assert.deepEqual(words, []);
});

test('a join and a leave without an answer are asked again', async () => {
  const geral = await client.join('geral');
  const asked: string[] = [];
  server.onRequest = ({ id, leave }) => {
    asked.push(`leave ${leave.roomId}`);
    if (asked.length === 2) {
      // It had been done.
      server.push({ reply: { id, error: { code: 5, message: 'not a member' } } });
    }
  };
  const leaving = geral.leave();
  await until(() => asked.length === 1, 'it was asked');
  void client.join('tech');
  server.joins.length = 0;
  await lose();
  await leaving;
  await client.join('tech');
  assert.deepEqual(asked, ['leave geral', 'leave geral']);
  assert.ok(server.joins.some((join) => join['roomId'] === 'tech'));
  assert.deepEqual(server.hellos[1]!['known'].length <= 1, true);
});

test('components live on, with their whole state', async () => {
  server.state = { count: 1 };
  const counter = await client.mount('LiveSharedCounter');
  let mounts = 0;
  counter.onMount(() => ++mounts);
  const whole = (value: object, version: string) => ({
    component: { componentId: 'c1', version, operations: [{ op: 'replace', path: '', value }] },
  });
  server.onHello = () => server.push(whole({ count: 5 }, '4'));
  await lose();
  await until(() => counter.state['count'] === 5, 'its state came');
  server.push({
    component: { componentId: 'c1', version: '5', operations: [{ op: 'replace', path: '/count', value: 6 }] },
  });
  await until(() => counter.state['count'] === 6, 'it goes on');
  assert.deepEqual([counter.id, mounts, server.mounts.length], ['c1', 0, 1]);
});

test('a component whose mount was not answered is ended, and mounted again', async () => {
  const ended: string[] = [];
  server.onRequest = ({ id, unmount }) => {
    ended.push(unmount.componentId);
    server.push({ reply: { id, unmount: {} } });
  };
  await client.join('geral');
  server.onHello = () => {
    const operations = [{ op: 'replace', path: '', value: {} }];
    server.push({ component: { componentId: 'c7', operations } });
    server.push({ component: { componentId: 'c7', version: '1', operations } });
  };
  server.answersMounts = false;
  const mounting = client.mount('LiveSharedCounter');
  await until(() => server.mounts.length === 1, 'it was asked');
  server.answersMounts = true;
  await lose();
  const counter = await mounting;
  assert.equal(counter.id, 'c2');
  await until(() => ended.length > 0, 'the other was ended');
  assert.deepEqual(ended, ['c7']);
});

test('a state that was lost comes whole, over another connection', async () => {
  server.state = { count: 1 };
  const counter = await client.mount('LiveSharedCounter');
  server.onHello = () => {
    const operations = [{ op: 'replace', path: '', value: { count: 3 } }];
    server.push({ component: { componentId: 'c1', version: '3', operations } });
  };
  server.push({ component: { componentId: 'c1', version: '3', operations: [{ op: 'remove', path: '/no' }] } });
  await until(() => counter.state['count'] === 3, 'its state came');
  assert.deepEqual([counter.id, server.mounts.length], ['c1', 1]);
});

test('members show who has lost the connection', async () => {
  const room = await client.join('geral');
  const words = heard(room);
  const connected = () => room.members.map((member) => `${member.id} ${member.connected}`).join();
  server.push({ member: { roomId: 'geral', offset: '5', joined: [{ id: 's9', connected: true }], count: 2 } });
  server.push({ member: { roomId: 'geral', changed: [{ id: 's9' }], count: 2 } });
  await until(() => connected() === 's1 true,s9 false', 'away');
  server.push({ member: { roomId: 'geral', changed: [{ id: 's9', connected: true }], count: 2 } });
  await until(() => connected() === 's1 true,s9 true', 'back');
  assert.deepEqual(words, ['$sub:join s9']);
});

test('a page that is left ends its session, and begins another when it is shown again', async () => {
  const target = new EventTarget();
  Object.assign(globalThis, {
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
  });
  const room = await client.join('geral');
  const closed = new Promise((resolve) => server.last.once('close', resolve));
  target.dispatchEvent(new Event('pagehide'));
  assert.equal(await closed, 1000);
  assert.equal(client.status, 'offline');
  assert.equal(client.statusInfo.retryAt, undefined);
  target.dispatchEvent(new Event('pageshow')); // Of a page that is new.
  assert.equal(client.status, 'offline');
  target.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
  await until(() => room.memberId === 's2', 'joined again');
  assert.equal(server.hellos[1]!['resumeToken'], undefined);
  assert.deepEqual(server.joins[1]!['since'], { epoch: 'e1', offset: '4' });
});
