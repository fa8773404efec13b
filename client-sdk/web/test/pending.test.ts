import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { AtriumClient, ClientOptions } from '../src/index.js';
import { FakeServer } from './fake_server.js';
import { clientOf, refusal, until } from './support.js';

let server: FakeServer;
let client: AtriumClient;
/** `event key` of each emit that reached the server. */
let emits: { event: string; key: string }[];
/** The server's own: what it has done. */
let done: Map<string, string>;

beforeEach(async () => {
  server = new FakeServer();
  server.resumes = true;
  await server.start();
  start();
  emits = [];
  done = new Map();
  server.onRequest = answer;
});

afterEach(async () => {
  client.close();
  await server.stop();
});

function start(options: Partial<ClientOptions> = {}): void {
  client?.close();
  client = clientOf(server, options);
}

function answer({ id, emit }: Record<string, any>): void {
  take(emit);
  server.push({ reply: { id, emit: { success: true, event: emit.event } } });
}

/** Does it, and loses the connection before the answer. */
function takeAndLose({ emit }: Record<string, any>): void {
  take(emit);
  server.onRequest = answer;
  server.last.terminate();
}

function take(emit: { event: string; idempotencyKey: string }): void {
  emits.push({ event: emit.event, key: emit.idempotencyKey });
  done.set(emit.idempotencyKey, emit.event);
}

function offline(): Promise<void> {
  return new Promise((resolve) => client.onStatus((status) => status === 'offline' && resolve()));
}

const names = () => emits.map(({ event }) => event);

test('what was not acknowledged is sent again, with its key and in its order', async () => {
  const room = await client.join('geral');
  server.onRequest = takeAndLose;
  const lost = offline();
  const first = room.emit('a', { n: 1 });
  const second = room.emit('b');
  await lost;
  const third = room.emit('c');
  await Promise.all([first, second, third]);
  assert.deepEqual(names(), ['a', 'a', 'b', 'c']);
  assert.deepEqual([...done.values()], ['a', 'b', 'c']);
  assert.equal(new Set(emits.map(({ key }) => key)).size, 3);
});

test('what is asked for without a connection is done when there is one, as it was then', async () => {
  const room = await client.join('geral');
  await server.stop();
  await until(() => client.status === 'offline', 'offline');
  const data = { text: 'then' };
  const datas: unknown[] = [];
  server.onRequest = (frame) => {
    datas.push(frame['emit'].data);
    answer(frame);
  };
  const emitting = room.emit('a', data);
  data.text = 'later';
  await server.start();
  await emitting;
  assert.deepEqual(datas, [{ text: 'then' }]);
});

test('another session of the same user repeats in the same history', async () => {
  const room = await client.join('geral');
  server.onRequest = takeAndLose;
  server.resumes = false;
  server.joined = { recovered: true };
  await room.emit('a');
  assert.deepEqual([names(), done.size, room.memberId], [['a', 'a'], 1, 's2']);
});

for (const [what, prepare] of [
  ['another history', () => (server.joined = { position: { epoch: 'e2', offset: '1' } })],
  ['an anonymous client', () => (server.userId = '')],
] as const) {
  test(`${what} does not repeat what may have been done, and does what was not sent`, async () => {
    if (what === 'an anonymous client') {
      prepare();
    }
    const room = await client.join('geral');
    prepare();
    server.resumes = false;
    server.onRequest = takeAndLose;
    const lost = offline();
    const sent = refusal(room.emit('sent'));
    await lost;
    const unsent = room.emit('unsent');
    const error = await sent;
    assert.deepEqual([error.code, error.reason], [14, 'CONNECTION_LOST']);
    assert.match(error.message, /cannot be told/);
    await unsent;
    assert.deepEqual(names(), ['sent', 'unsent']);
  });
}

test('an event that was to come back comes back once', async () => {
  const room = await client.join('geral');
  const seen: string[] = [];
  room.on('*', (_, { event, offset }) => seen.push(`${event} ${offset}`));
  server.resumes = false;
  server.joined = { recovered: true };
  server.onRequest = takeAndLose;
  const silent = room.emit('silent');
  const echo = room.emit('echo', null, { includeSelf: true });
  await until(() => room.memberId === 's2', 'joined again');
  for (const [event, offset] of [
    ['silent', '5'],
    ['echo', '6'],
    ['other', '7'],
  ]) {
    server.push({ event: { roomId: 'geral', event, offset, senderId: event === 'other' ? 's9' : 's1' } });
  }
  await Promise.all([silent, echo]);
  await until(() => seen.includes('other 7'), 'all came');
  assert.deepEqual(seen.filter((event) => !event.startsWith('silent')).length, seen.length);
});

test('too much is refused, and fits again when the rest is acknowledged', async () => {
  start({ queue: { requests: 2, size: 1000 } });
  const room = await client.join('geral');
  await server.stop();
  await until(() => client.status === 'offline', 'offline');
  const kept = [room.emit('a')];
  assert.equal((await refusal(room.emit('big', 'x'.repeat(1000)))).reason, 'QUEUE_FULL');
  kept.push(room.emit('b'));
  const error = await refusal(room.emit('c'));
  assert.deepEqual([error.code, error.reason], [8, 'QUEUE_FULL']);
  await server.start();
  await Promise.all(kept);
  await room.emit('d');
  assert.deepEqual(names(), ['a', 'b', 'd']);
});

test('a room that is left, or refuses to be joined again, gets nothing more', async () => {
  const geral = await client.join('geral');
  const tech = await client.join('tech');
  await server.stop();
  await until(() => client.status === 'offline', 'offline');
  const toGeral = refusal(geral.emit('a'));
  const toTech = refusal(tech.emit('b'));
  void geral.leave();
  assert.equal((await toGeral).reason, 'NOT_JOINED');
  server.resumes = false;
  server.refuse = { code: 8, message: 'Room is full', details: [] };
  await server.start();
  assert.equal((await toTech).reason, 'NOT_JOINED');
  assert.deepEqual(emits, []);
});

test('what was kept and comes too fast is sent a little later, in its order', async () => {
  const room = await client.join('geral');
  await server.stop();
  await until(() => client.status === 'offline', 'offline');
  let refused = 0;
  server.onRequest = (frame) => {
    if (frame['emit'].event !== 'a' && ++refused <= 4) {
      const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'RATE_LIMITED' }];
      server.push({ reply: { id: frame['id'], error: { code: 8, message: 'Rate limit exceeded', details } } });
      return;
    }
    answer(frame);
  };
  const emitting = ['a', 'b', 'c', 'd'].map((name) => room.emit(name));
  await server.start();
  await Promise.all(emitting);
  assert.deepEqual(names(), ['a', 'b', 'c', 'd']);
});

test('what the server cannot read is not sent again, and the rest is', async () => {
  const room = await client.join('geral');
  server.onRequest = ({ emit }) => {
    if (emit.event === 'big') {
      server.onRequest = answer;
      server.last.close(1009, 'too big');
    }
  };
  const small = room.emit('small');
  const error = await refusal(room.emit('big', 'x'.repeat(2000)));
  assert.deepEqual([error.code, error.reason], [3, 'MESSAGE_TOO_BIG']);
  await small;
  assert.deepEqual(names(), ['small']);
});

test('many that were kept all arrive, in their order', async () => {
  const room = await client.join('geral');
  await server.stop();
  await until(() => client.status === 'offline', 'offline');
  const emitting = Array.from({ length: 50 }, (_, n) => room.emit(`e${n}`));
  await server.start();
  await Promise.all(emitting);
  assert.deepEqual(
    names(),
    emitting.map((_, n) => `e${n}`),
  );
});

test('closing fails what waits', async () => {
  const room = await client.join('geral');
  await server.stop();
  await until(() => client.status === 'offline', 'offline');
  const emitting = refusal(room.emit('a'));
  client.close();
  assert.equal((await emitting).reason, 'CLOSED');
});
