import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { AtriumClient, Component } from '../src/index.js';
import { FakeServer } from './fake_server.js';
import { clientOf, refusal, until } from './support.js';

interface CounterState {
  username: string;
  rooms?: { id: string }[];
}

interface CounterActions {
  increment(): { success: boolean; count: number };
  setUsername(args: { username: string }): { success: boolean };
}

const kGone = 'LEAVE_REASON_DISCONNECT';

let server: FakeServer;
let client: AtriumClient;

beforeEach(async () => {
  server = new FakeServer();
  await server.start();
  client = clientOf(server);
});

afterEach(async () => {
  client.close();
  await server.stop();
});

async function mountCounter(): Promise<Component<CounterState, CounterActions>> {
  server.state = { username: 'ana' };
  return client.mount<CounterState, CounterActions>('LiveSharedCounter', { state: { username: 'ana' }, room: 'lobby' });
}

function snapshot(roomId: string, memberId: string, more: object = {}): object {
  const members = [{ id: memberId, userId: 'ana', info: { name: 'Ana' } }];
  return { snapshot: { room: { id: roomId, type: 'counter', memberCount: 1 }, memberId, state: {}, members, ...more } };
}

test('mounts with state and room, and has the state of the server', async () => {
  const counter = await mountCounter();
  const mount = { component: 'LiveSharedCounter', state: { username: 'ana' }, room: 'lobby' };
  assert.deepEqual(server.mounts, [mount]);
  assert.equal(counter.id, 'c1');
  assert.equal(counter.mounted, true);
  assert.deepEqual(counter.state, { username: 'ana' });
});

test('a refused mount fails and is not tried again', async () => {
  server.refuse = { code: 5, message: 'There is no component of this name', details: [] };
  const error = await refusal(client.mount('LiveNothing'));
  assert.deepEqual([error.code, error.message], [5, 'There is no component of this name']);
  server.last.terminate();
  server.refuse = undefined;
  await until(() => server.hellos.length === 2, 'a new connection');
  await client.join('geral');
  assert.equal(server.mounts.length, 1);
});

test('calls actions and gives their results and errors', async () => {
  const counter = await mountCounter();
  const calls: unknown[] = [];
  server.onRequest = ({ id, call }) => {
    calls.push(call);
    const refused = { code: 5, message: 'There is no such action' };
    server.push({
      reply: call.method === 'increment' ? { id, call: { result: { count: 1 } } } : { id, error: refused },
    });
  };
  assert.equal((await counter.call('increment')).count, 1);
  assert.equal((await refusal(counter.call('setUsername', { username: 'bo' }))).message, 'There is no such action');
  assert.deepEqual(calls, [
    { componentId: 'c1', method: 'increment', args: {} },
    { componentId: 'c1', method: 'setUsername', args: { username: 'bo' } },
  ]);
});

test('keeps the state by patches, without changing what was handed out', async () => {
  const counter = await mountCounter();
  const before = counter.state;
  const seen: unknown[] = [];
  counter.onState((state, operations) => seen.push([state, operations.length]));
  const add = { op: 'add', path: '/rooms', value: [{ id: 'geral' }] };
  server.push({ component: { componentId: 'c1', version: '1', operations: [add] } });
  server.push({ component: { componentId: 'c7', version: '1', operations: [{ op: 'remove', path: '/username' }] } });
  const remove = { op: 'remove', path: '/rooms/0' };
  const rename = { op: 'replace', path: '/username', value: 'bo' };
  server.push({ component: { componentId: 'c1', version: '2', operations: [remove, rename] } });
  await until(() => seen.length === 2, 'both patches came');
  assert.deepEqual(seen[1], [{ username: 'bo', rooms: [] }, 2]);
  assert.deepEqual(before, { username: 'ana' });
});

for (const [what, patch] of [
  ['does not fit', { version: '2', operations: [{ op: 'remove', path: '/no/such' }] }],
  ['leaves the first out', { version: '7', operations: [{ op: 'replace', path: '/username', value: 'cy' }] }],
  ['leaves one out', { version: '3', operations: [{ op: 'replace', path: '/username', value: 'cy' }] }],
  ['comes twice', { version: '1', operations: [{ op: 'replace', path: '/username', value: 'cy' }] }],
] as const) {
  test(`a patch that ${what} is answered by a new connection`, async () => {
    const counter = await mountCounter();
    const rename = { op: 'replace', path: '/username', value: 'bo' };
    server.push({ component: { componentId: 'c1', version: '1', operations: [rename] } });
    server.push({ component: { componentId: 'c1', ...patch } });
    await until(() => counter.id === 'c2', 'mounted anew');
    assert.deepEqual(counter.state, { username: 'ana' });
  });
}

test('bytes are decoded by the application, into the state if it wants', async () => {
  const counter = await mountCounter();
  const seen: unknown[] = [];
  const stop = counter.onBinary((bytes) => void seen.push([...bytes]));
  counter.onBinary((bytes, state) => ({ ...state, username: new TextDecoder().decode(bytes) }));
  let told = 0;
  counter.onState(() => ++told);
  const binary = Buffer.from([0xc3, 0xa9, 0x00]).toString('base64');
  server.push({ component: { componentId: 'c1', version: '1', binary } });
  await until(() => counter.state.username === 'é\0', 'decoded');
  stop();
  server.push({ component: { componentId: 'c1', binary: '' } }); // Volatile: has no version.
  await until(() => counter.state.username === '', 'decoded again');
  assert.deepEqual(seen, [[0xc3, 0xa9, 0]]);
  assert.equal(told, 2);
});

test('after a reconnect the same handle is mounted anew, with the state of then', async () => {
  let name = 'ana';
  server.state = { username: 'first' };
  const counter = await client.mount('LiveSharedCounter', { state: () => ({ username: name }) });
  const seen: string[] = [];
  counter.onMount(() => seen.push(counter.id));
  counter.onState((state) => seen.push(String(state['username'])));
  name = 'bo';
  await server.stop();
  await until(() => client.status === 'offline', 'offline');
  assert.equal((await refusal(counter.call('increment'))).reason, 'NOT_CONNECTED');
  server.state = { username: 'second' };
  await server.start();
  await until(() => counter.id === 'c2', 'mounted again');
  assert.deepEqual(seen, ['second', 'c2']);
  assert.deepEqual(
    server.mounts.map((mount) => mount['state']),
    [{ username: 'ana' }, { username: 'bo' }],
  );
});

test('a component that is refused after a reconnect has ended', async () => {
  const counter = await mountCounter();
  let reason = '';
  counter.onEnd((error) => (reason = error.message));
  server.refuse = { code: 8, message: 'Too many components', details: [] };
  server.last.terminate();
  await until(() => reason !== '', 'told');
  assert.equal(reason, 'Too many components');
  assert.equal(counter.mounted, false);
});

test('what a status listener mounts is mounted once', async () => {
  client.onStatus((status) => {
    if (status === 'online') {
      void client.mount('LiveSharedCounter');
      void client.join('geral');
    }
  });
  client.connect();
  await until(() => server.mounts.length === 1 && server.joins.length === 1, 'mounted and joined');
  await client.join('tech');
  assert.deepEqual([server.mounts.length, server.joins.length], [1, 2]);
});

test('unmounting ends it, also while the mount is under way', async () => {
  const counter = await mountCounter();
  const unmounted: unknown[] = [];
  server.onRequest = ({ id, unmount }) => {
    unmounted.push(unmount);
    server.push({ reply: { id, unmount: {} } });
  };
  await counter.unmount();
  assert.deepEqual(unmounted, [{ componentId: 'c1' }]);
  assert.equal((await refusal(counter.call('increment'))).reason, 'NOT_MOUNTED');
  server.last.terminate();
  await until(() => server.hellos.length === 2, 'a new connection');
  await client.join('geral');
  assert.equal(server.mounts.length, 1);
});

test('a room that a component joins is live under its handle', async () => {
  const room = client.room<{ count: number }>('counter:global');
  assert.deepEqual([room.joined, room.memberId, client.rooms], [false, '', []]);
  const seen: unknown[] = [];
  room.onState((state) => seen.push(state));
  room.on('counter:updated', (data, { senderId }) => seen.push([data, senderId]));
  room.onMembers((members, count) => seen.push([members.map(({ info }) => info?.['name']), count]));
  room.onLeft(({ reason }) => seen.push(reason));
  await mountCounter();
  server.push(snapshot('counter:global', 'c1', { state: { count: 1 } }));
  server.push({
    patch: { roomId: 'counter:global', offset: '1', operations: [{ op: 'replace', path: '/count', value: 2 }] },
  });
  server.push({ event: { roomId: 'counter:global', offset: '2', event: 'counter:updated', data: 2, senderId: 'c9' } });
  const bo = { id: 'c9', userId: 'bo', info: { name: 'Bo' } };
  server.push({ member: { roomId: 'counter:global', offset: '3', joined: [bo], count: 2 } });
  server.push({ member: { roomId: 'counter:global', changed: [{ ...bo, info: { name: 'Bea' } }], count: 2 } });
  await until(() => seen.length === 6, 'all came');
  assert.deepEqual([room.joined, room.memberId], [true, 'c1']);
  assert.deepEqual(seen, [
    { count: 1 },
    [['Ana'], 1],
    { count: 2 },
    [2, 'c9'],
    [['Ana', 'Bo'], 2],
    [['Ana', 'Bea'], 2],
  ]);
  assert.equal(client.room('counter:global'), room);

  server.push({ left: { roomId: 'counter:global', memberId: 'c1', reason: 'LEAVE_REASON_LEAVE' } });
  await until(() => !room.joined, 'left');
  assert.deepEqual([seen.at(-1), client.rooms], ['LEAVE_REASON_LEAVE', []]);
  server.push(snapshot('counter:global', 'c1', { state: { count: 5 } }));
  await until(() => room.joined, 'the same handle is live again');
  assert.equal(room.state.count, 5);
});

test('a room is left when the last of a client in it has left', async () => {
  const room = await client.join('lobby');
  await mountCounter();
  let left = 0;
  room.onLeft(() => ++left);
  server.push(snapshot('lobby', 'c1'));
  await until(() => room.memberIds.length === 2, 'the component came');
  assert.deepEqual(room.memberIds, ['s1', 'c1']);
  server.onRequest = ({ id, leave }) => server.push({ reply: leave && { id, leave: {} } });
  await room.leave();
  assert.deepEqual([room.joined, room.memberId, left], [true, 'c1', 0]);
  assert.equal((await refusal(room.leave())).reason, 'NOT_JOINED');
  server.push({ left: { roomId: 'lobby', memberId: 'c1' } });
  await until(() => left === 1, 'left');
  assert.deepEqual([room.joined, client.rooms], [false, []]);
});

test('emits as the component where only that is a member', async () => {
  const emits: unknown[] = [];
  server.onRequest = ({ id, emit }) => {
    emits.push([emit.event, emit.memberId]);
    server.push({ reply: { id, emit: { success: true } } });
  };
  await mountCounter();
  const room = client.room('counter:global');
  assert.equal((await refusal(room.emit('typing'))).reason, 'NOT_JOINED');
  server.push(snapshot('counter:global', 'c1'));
  await until(() => room.joined, 'joined');
  await room.emit('typing', { typing: true }, { volatile: true });
  const lobby = await client.join('lobby');
  await lobby.emit('a');
  server.push(snapshot('lobby', 'c1'));
  await until(() => lobby.memberIds.length === 2, 'joined twice');
  await lobby.emit('b');
  await lobby.emit('c', null, { memberId: 'c1' });
  assert.deepEqual(emits, [
    ['typing', 'c1'],
    ['a', undefined],
    ['b', undefined],
    ['c', 'c1'],
  ]);
});

test('rooms of components are gone with the connection and come again with the component', async () => {
  await mountCounter();
  const room = client.room('counter:global');
  const told: string[] = [];
  client.onRoom(({ id }) => told.push(id));
  room.onLeft(({ reason }) => told.push(reason));
  server.push(snapshot('counter:global', 'c1'));
  await until(() => room.joined, 'joined');
  server.last.terminate();
  await until(() => server.mounts.length === 2, 'mounted anew');
  assert.equal(room.joined, false);
  server.push(snapshot('counter:global', 'c2'));
  await until(() => room.joined, 'joined again');
  assert.deepEqual(room.memberIds, ['c2']);
  assert.deepEqual(told, ['counter:global', kGone, 'counter:global']);
});

test('what is joined on the loss of a room is joined by the next connection', async () => {
  await mountCounter();
  const room = client.room('counter:global');
  server.push(snapshot('counter:global', 'c1'));
  await until(() => room.joined, 'joined');
  room.onLeft(() => void client.join('geral'));
  server.last.terminate();
  await until(() => server.joins.length === 1 && client.status === 'online', 'joined the other');
  await client.join('geral');
  assert.deepEqual([server.joins.length, server.hellos.length], [1, 2]);
});

test('an event of bytes comes as bytes', async () => {
  const room = await client.join('geral');
  const seen: unknown[] = [];
  room.on<Uint8Array>('frame', (bytes) => seen.push(bytes));
  server.push({ event: { roomId: 'geral', event: 'frame', binary: 'AAECgP8=' } });
  await until(() => seen.length === 1, 'it came');
  assert.deepEqual(seen, [Uint8Array.of(0, 1, 2, 128, 255)]);
});
