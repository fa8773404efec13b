import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { AtriumClient, ClientOptions, ConnectionStatus, StatusInfo } from '../src/index.js';
import { FakeServer } from './fake_server.js';
import { clientOf, refusal, until, withoutKey } from './support.js';
import { version } from '../src/version.js';

let server: FakeServer;
let clients: AtriumClient[] = [];

beforeEach(async () => {
  server = new FakeServer();
  await server.start();
});

afterEach(async () => {
  clients.forEach((client) => client.close());
  clients = [];
  await server.stop();
});

function connect(options: Partial<ClientOptions> = {}): AtriumClient {
  const client = clientOf(server, options);
  clients.push(client);
  return client;
}

test('says hello and joins', async () => {
  server.state = { topic: 'news' };
  const client = connect();
  const room = await client.join('geral', { initialState: { topic: 'first' } });
  assert.deepEqual(server.hellos, [{ token: 'ana', client: `atrium-web/${version}` }]);
  assert.deepEqual(server.joins, [{ roomId: 'geral', initialState: { topic: 'first' } }]);
  assert.equal(client.status, 'online');
  assert.equal(client.sessionId, 's1');
  assert.equal(room.memberId, 's1');
  assert.equal(room.count, 1);
  assert.deepEqual(
    room.members.map((member) => member.userId),
    ['ana'],
  );
  assert.deepEqual(room.state, { topic: 'news' });
  assert.deepEqual(room.position, { epoch: 'e1', offset: '4' });
  assert.equal(await client.join('geral'), room);
  assert.equal(server.joins.length, 1);
});

test('tells events with the word of the server, by name and to the star', async () => {
  const room = await connect().join('geral');
  const seen: unknown[] = [];
  const stop = room.on('message:new', (data, meta) =>
    seen.push([data, meta.senderUserId, meta.offset, meta.time.getTime()]),
  );
  room.on('*', (_, meta) => seen.push(meta.event));
  const event = {
    roomId: 'geral',
    offset: '5',
    event: 'message:new',
    data: { text: 'hi' },
    senderUserId: 'bo',
    time: '1970-01-01T00:00:01Z',
  };
  server.push({ event });
  server.push({ event: { ...event, roomId: 'other' } });
  await until(() => seen.length === 2, 'the event came');
  stop();
  server.push({ event: { roomId: 'geral', offset: '6', event: 'nothing' } });
  await until(() => seen.length === 3, 'the next event came');
  assert.deepEqual(seen, [[{ text: 'hi' }, 'bo', '5', 1000], 'message:new', 'nothing']);
  assert.equal(room.position.offset, '6');
});

test('a frame right behind the join reply is not lost', async () => {
  const client = connect();
  const joining = client.join('geral');
  server.onRequest = () => {};
  await until(() => client.status === 'online', 'online');
  server.push({ member: { roomId: 'geral', offset: '5', joined: [{ id: 's9', userId: 'bo' }], count: 2 } });
  const room = await joining;
  await until(() => room.count === 2, 'bo came');
});

test('applies patches without changing the state that was handed out', async () => {
  server.state = { list: [1, 2], deep: { a: 1 }, same: { b: 2 } };
  const room = await connect().join<{ list: number[]; deep: object; same: object }>('geral');
  const before = room.state;
  const states: unknown[] = [];
  room.onState((state, operations) => states.push([state, operations.length]));
  server.push({
    patch: {
      roomId: 'geral',
      offset: '5',
      operations: [
        { op: 'add', path: '/list/-', value: 3 },
        { op: 'remove', path: '/list/0' },
        { op: 'replace', path: '/deep/a', value: null },
        { op: 'add', path: '/deep/a~1b~0', value: 'x' },
      ],
    },
  });
  await until(() => states.length === 1, 'the patch came');
  const after = { list: [2, 3], deep: { a: null, 'a/b~': 'x' }, same: { b: 2 } };
  assert.deepEqual(states, [[after, 4]]);
  assert.deepEqual(room.state, after);
  assert.deepEqual(before, { list: [1, 2], deep: { a: 1 }, same: { b: 2 } });
  assert.equal(room.state.same, before.same);
});

test('asks for the state when a patch does not fit', async () => {
  const room = await connect().join('geral');
  server.onRequest = (frame) => {
    assert.deepEqual(frame.getState, { roomId: 'geral' });
    server.push({
      reply: { id: frame.id, getState: { state: { right: true }, position: { epoch: 'e1', offset: '6' } } },
    });
  };
  server.push({ patch: { roomId: 'geral', offset: '5', operations: [{ op: 'replace', path: '/no/such', value: 1 }] } });
  await until(() => 'right' in room.state, 'the state came whole');
});

test('keeps the roster and tells $sub:join and $sub:leave', async () => {
  const room = await connect().join('geral');
  const seen: unknown[] = [];
  room.on('$sub:join', (data) => seen.push(['join', data]));
  room.on('$sub:leave', (data) => seen.push(['leave', data]));
  const rosters: unknown[] = [];
  room.onMembers((members, count) => rosters.push([members.map((member) => member.id).join(), count]));
  server.push({ member: { roomId: 'geral', offset: '5', joined: [{ id: 'b' }, { id: 'c' }], count: 3 } });
  server.push({
    member: { roomId: 'geral', offset: '6', joined: [{ id: 'd' }], left: [{ member: { id: 'b' } }], count: 3 },
  });
  server.push({ member: { roomId: 'geral', offset: '7', count: 201 } });
  await until(() => rosters.length === 3, 'all changes came');
  assert.deepEqual(rosters, [
    ['s1,b,c', 3],
    ['s1,c,d', 3],
    ['', 201],
  ]);
  assert.deepEqual(seen, [
    ['join', { subscriberId: 'b', count: 2 }],
    ['join', { subscriberId: 'c', count: 3 }],
    ['join', { subscriberId: 'd', count: 4 }],
    ['leave', { subscriberId: 'b', count: 3 }],
  ]);
});

test('emits and sets state', async () => {
  const room = await connect().join('geral');
  const requests: unknown[] = [];
  server.onRequest = ({ id, ...request }) => {
    requests.push(withoutKey(request['emit'] ?? request['setState']));
    const emit = { success: true, event: 'e', notified: 2, roomId: 'geral', position: { epoch: 'e1', offset: '5' } };
    server.push({
      reply: { id, ...(request.emit ? { emit } : { setState: { position: { epoch: 'e1', offset: '6' } } }) },
    });
  };
  assert.equal((await room.emit('e', { a: 1 }, { includeSelf: true, to: ['s1'] })).notified, 2);
  await room.setState({ topic: null });
  assert.deepEqual(requests, [
    { roomId: 'geral', event: 'e', data: { a: 1 }, includeSelf: true, to: ['s1'] },
    { roomId: 'geral', state: { topic: null } },
  ]);
});

test('calls a method and gives its result', async () => {
  const room = await connect().join('geral');
  const requests: unknown[] = [];
  server.onRequest = ({ id, ...request }) => {
    requests.push(withoutKey(request['call']));
    server.push({ reply: { id, call: { result: { count: 3 } } } });
  };
  assert.deepEqual(await room.call('increment', { by: 2 }), { count: 3 });
  assert.deepEqual(requests, [{ roomId: 'geral', method: 'increment', args: { by: 2 } }]);
});

test('errors carry code, reason, message, field and metadata', async () => {
  const room = await connect().join('geral');
  server.onRequest = ({ id }) =>
    server.push({
      reply: {
        id,
        error: {
          code: 3,
          message: 'emit.event: 1 to 128 bytes',
          details: [
            {
              '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
              reason: 'INVALID_FIELD',
              domain: 'atrium',
              metadata: { room: 'geral' },
            },
            { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field: 'emit.event' }] },
          ],
        },
      },
    });
  const error = await refusal(room.emit(''));
  assert.deepEqual([error.code, error.reason, error.field], [3, 'INVALID_FIELD', 'emit.event']);
  assert.deepEqual(error.metadata, { room: 'geral' });
  server.onRequest = ({ id }) => server.push({ reply: { id, error: { code: 5, message: 'none' } } });
  assert.deepEqual((await refusal(room.emit('e'))).metadata, {});
  assert.equal(error.message, 'emit.event: 1 to 128 bytes');
});

test('a refused join fails and is not tried again', async () => {
  server.refuse = { code: 8, message: 'Room is full', details: [] };
  const client = connect();
  assert.equal((await refusal(client.join('geral'))).message, 'Room is full');
  assert.deepEqual(client.rooms, []);
  server.refuse = undefined;
  await client.join('geral');
});

test('connects again after a restart, joins again and takes the new state', async () => {
  server.state = { topic: 'old' };
  const client = connect();
  const history: ConnectionStatus[] = [];
  const infos: StatusInfo[] = [];
  client.onStatus((status, info) => {
    history.push(status);
    infos.push(info);
  });
  const room = await client.join('geral', { initialState: { topic: 'first' } });
  let topic = '';
  room.onState((state) => (topic = String(state['topic'])));

  await server.stop();
  await until(() => client.status === 'offline', 'offline');
  assert.equal(room.joined, true);
  const info = infos[history.indexOf('offline')]!;
  assert.ok(info.retryAt! <= Date.now() + 40);
  assert.equal(info.error!.reason, 'CONNECTION_LOST');
  assert.equal((await refusal(room.emit('e', null, { volatile: true }))).reason, 'NOT_CONNECTED');

  server.state = { topic: 'new' };
  await server.start();
  await until(() => room.memberId === 's2', 'joined again');
  assert.equal(topic, 'new');
  const since = { epoch: 'e1', offset: '4' };
  assert.deepEqual(server.joins[1], { roomId: 'geral', initialState: { topic: 'first' }, since });
  assert.deepEqual(history.slice(0, 3), ['connecting', 'online', 'offline']);
  assert.equal(history[history.length - 1], 'online');
});

test('a join that loses its connection is answered by the next one', async () => {
  await server.stop();
  const client = connect();
  const joining = client.join('geral');
  await until(() => client.status === 'offline', 'the first try failed');
  await server.start();
  assert.equal((await joining).joined, true);
});

test('a room that refuses the second join is left', async () => {
  const client = connect();
  const room = await client.join('geral');
  let reason = '';
  room.onLeft(({ error }) => (reason = error?.message ?? ''));
  server.refuse = { code: 8, message: 'Room is full', details: [] };
  server.last.terminate();
  await until(() => reason !== '', 'told');
  assert.equal(reason, 'Room is full');
  assert.deepEqual(client.rooms, []);
});

test('requests that cannot be repeated fail when the connection drops', async () => {
  const room = await connect().join('geral');
  server.onRequest = (_, socket) => socket.terminate();
  const error = await refusal(room.emit('e', null, { volatile: true }));
  assert.deepEqual([error.code, error.reason], [14, 'CONNECTION_LOST']);
});

test('a request without an answer times out', async () => {
  const room = await connect({ requestTimeout: 100 }).join('geral');
  server.onRequest = () => server.push({ event: { roomId: 'geral', event: 'other' } });
  const error = await refusal(room.emit('e'));
  assert.deepEqual([error.code, error.reason], [4, 'REQUEST_TIMEOUT']);
  assert.equal(server.sockets.length, 1);
});

test('a connection that is silent is given up, as a loss, and what was asked is asked over the next', async () => {
  const room = await connect({ requestTimeout: 100 }).join('geral');
  const closed = new Promise((resolve) => server.last.once('close', resolve));
  server.onRequest = ({ id }, socket) => {
    if (socket !== server.sockets[0]) {
      server.push({ reply: { id, emit: { success: true } } });
    }
  };
  assert.equal((await room.emit('e')).success, true);
  assert.equal(await closed, 4000);
  assert.equal(server.sockets.length, 2);
});

test('a connection that died without a sign is found by a probe', async () => {
  server.pingInterval = '0.05s';
  const client = connect({ requestTimeout: 300 });
  const room = await client.join('geral');
  let probes = 0;
  server.onRequest = (frame) => {
    assert.ok(frame.getState);
    if (++probes < 3) {
      server.push({ reply: { id: frame.id, getState: { state: {} } } });
    }
  };
  await until(() => room.memberId === 's2', 'a new connection');
  assert.ok(probes >= 3);
});

for (const code of [3008, 3012, 3502]) {
  test(`comes again after ${code}`, async () => {
    const client = connect();
    const room = await client.join('geral');
    server.last.close(code, 'not in time');
    await until(() => room.memberId === 's2', 'joined again');
  });
}

test('comes again after goodbye 3001, not before its time', async () => {
  const client = connect();
  const room = await client.join('geral');
  const said = Date.now();
  server.push({ goodbye: { code: 3001, reason: 'shutting down', reconnectAfter: '0.300s' } });
  await until(() => client.status === 'offline', 'offline');
  assert.equal(client.statusInfo.error!.reason, 'GOODBYE_3001');
  await until(() => room.memberId === 's2', 'joined again');
  assert.ok(Date.now() - said >= 290);
});

for (const how of ['goodbye', 'close code'] as const) {
  test(`does not come again after 3503 as ${how}`, async () => {
    const client = connect();
    const room = await client.join('geral');
    let left = '';
    room.onLeft(({ error }) => (left = error!.reason));
    if (how === 'goodbye') {
      server.push({ goodbye: { code: 3503, reason: 'disconnected by a service' } });
    } else {
      server.last.close(3503, 'disconnected by a service');
    }
    await until(() => client.status === 'closed', 'closed');
    assert.equal(client.statusInfo.error!.message, 'disconnected by a service');
    assert.equal(left, 'GOODBYE_3503');
    client.connect();
    assert.equal(client.status, 'closed');
    assert.equal((await refusal(client.join('geral'))).reason, 'GOODBYE_3503');
    assert.equal(server.sockets.length, 1);
  });
}

test('a service brings a session in and takes it out', async () => {
  const client = connect();
  client.connect();
  await until(() => client.status === 'online', 'online');
  const brought: string[] = [];
  client.onRoom((room) => {
    brought.push(room.id);
    room.on('chat:message', (data) => brought.push(String(data)));
    room.onLeft(({ reason }) => brought.push(reason));
  });
  server.push({ snapshot: { room: { id: 'chat:lobby', type: 'chat', memberCount: 1 }, memberId: 's1', state: {} } });
  server.push({ event: { roomId: 'chat:lobby', offset: '1', event: 'chat:message', data: 'hi' } });
  server.push({ left: { roomId: 'chat:lobby', memberId: 's1', reason: 'LEAVE_REASON_LEAVE' } });
  server.push({ event: { roomId: 'chat:lobby', offset: '2', event: 'chat:message', data: 'too late' } });
  await until(() => brought.length === 3, 'all came');
  assert.deepEqual(brought, ['chat:lobby', 'hi', 'LEAVE_REASON_LEAVE']);
  assert.deepEqual(client.rooms, []);
});

test('leaving ends a room, also for the next connection', async () => {
  const client = connect();
  const room = await client.join('geral');
  server.onRequest = ({ id }) => server.push({ reply: { id, leave: {} } });
  await room.leave();
  server.last.terminate();
  await until(() => server.hellos.length === 2, 'a new connection');
  await client.join('tech');
  assert.deepEqual(
    server.joins.map((join) => join['roomId']),
    ['geral', 'tech'],
  );
});

test('leaving while the join is under way leaves all the same', async () => {
  const client = connect();
  const left: unknown[] = [];
  server.onRequest = ({ leave }) => left.push(leave);
  void client.join('geral');
  await client.rooms[0]!.leave();
  void client.join('tech');
  await until(() => client.status === 'online' && server.joins.length === 1, 'only the other room was joined');
  assert.deepEqual(server.joins, [{ roomId: 'tech' }]);
  void client.join('random');
  await client.rooms[1]!.leave();
  await until(() => left.length === 1, 'the leave came behind the join');
  assert.deepEqual(left, [{ roomId: 'random' }]);
});

test('tries at once when the browser is online again', async () => {
  const target = new EventTarget();
  Object.assign(globalThis, {
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
  });
  await server.stop();
  const client = connect({ backoff: { min: 60_000, max: 60_000 } });
  const joining = client.join('geral');
  await until(() => client.status === 'offline', 'offline');
  await server.start();
  target.dispatchEvent(new Event('online'));
  await joining;
});

test('close ends everything', async () => {
  const client = connect();
  const room = await client.join('geral');
  const pending = refusal(room.emit('e'));
  const closed = new Promise((resolve) => server.last.once('close', resolve));
  client.close();
  assert.equal((await pending).reason, 'CLOSED');
  assert.equal(await closed, 1000);
  assert.equal(client.status, 'closed');
  assert.equal((await refusal(client.join('geral'))).reason, 'CLOSED');
});
