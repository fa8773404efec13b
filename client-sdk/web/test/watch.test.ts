import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { AtriumClient, type ClientOptions, type RoomView, type Watch } from '../src/index.js';
import { FakeEvents, refuse } from './fake_events.js';
import { until } from './support.js';

let server: FakeEvents;
let client: AtriumClient;

beforeEach(async () => {
  server = new FakeEvents();
  await server.start();
});

afterEach(async () => {
  client.close();
  await server.stop();
});

function watch(options: Partial<ClientOptions> = {}): Watch {
  client = new AtriumClient({
    url: server.url,
    token: 'ana',
    backoff: { min: 10, max: 40 },
    requestTimeout: 2000,
    webSocket: class {} as unknown as typeof WebSocket,
    ...options,
  });
  return client.watch('geral');
}

async function online(watched: Watch): Promise<Watch> {
  await until(() => watched.status === 'online', 'online');
  return watched;
}

/** What the application hears. */
function heard(room: RoomView): string[] {
  const words: string[] = [];
  room.on('*', (data, { event: name }) => words.push(`${name} ${JSON.stringify(data)}`));
  room.onState((state) => words.push(`state ${JSON.stringify(state)}`));
  room.onMembers((_, count) => words.push(`members ${count}`));
  room.onGap(() => words.push('gap'));
  return words;
}

/** Waits for the end. */
async function endOf(watched: Watch): Promise<[number, string]> {
  await until(() => watched.status === 'closed', 'closed');
  const { code, reason } = watched.statusInfo.error!;
  return [code, reason];
}

const event = (offset: string, name: string, data: unknown = null) => ({
  event: { roomId: 'geral', offset, event: name, data },
});

test('shows the room and what happens in it', async () => {
  const watched = watch();
  const words = heard(watched);
  await online(watched);
  assert.deepEqual([watched.id, watched.info.id, watched.count], ['geral', 'geral', 1]);
  assert.deepEqual(watched.members.map(({ userId }) => userId), ['bo']);
  server.push(event('5', 'message:new', { text: 'olá\n✓' }), 'e1:5');
  server.push({ event: { roomId: 'geral', event: 'typing' } });
  const operations = [{ op: 'replace', path: '/topic', value: 'lunch' }];
  server.push({ patch: { roomId: 'geral', offset: '6', operations } }, 'e1:6');
  server.push({ member: { roomId: 'geral', offset: '7', joined: [{ id: 's10' }], count: 2 } }, 'e1:7');
  await until(() => watched.count === 2, 'all came');
  assert.deepEqual(words, [
    'state {"topic":"news"}',
    'members 1',
    'message:new {"text":"olá\\n✓"}',
    'typing null',
    'state {"topic":"lunch"}',
    'members 2',
    '$sub:join {"subscriberId":"s10","count":2}',
  ]);
  assert.deepEqual(watched.position, { epoch: 'e1', offset: '7' });
  assert.deepEqual(watched.state, { topic: 'lunch' });
  assert.equal(client.status, 'offline');
});

test('a room where nothing has happened is at 0', async () => {
  server.snapshot = { position: { epoch: 'e1' } };
  const watched = await online(watch());
  assert.deepEqual(watched.position, { epoch: 'e1', offset: '0' });
  server.push(event('1', 'first'), 'e1:1');
  await until(() => watched.position.offset === '1', 'it came');
  assert.equal(server.requests.length, 1);
});

test('asks with the token in a header, and nothing of it in the address', async () => {
  await online(watch({ token: async () => 'secret' }));
  const { url, method, headers } = server.requests[0]!;
  assert.deepEqual([method, url], ['GET', '/api/rooms/geral/events']);
  assert.deepEqual([headers.authorization, headers.accept], ['Bearer secret', 'text/event-stream']);
  client.close();
  await online(watch({ token: '', url: server.url.replace('/ws', '/behind/a/proxy/ws?x=1') }));
  assert.equal(server.requests[1]!.url, '/behind/a/proxy/api/rooms/geral/events');
  assert.equal(server.requests[1]!.headers.authorization, undefined);
});

test('letters may come in pieces', async () => {
  const watched = await online(watch());
  const words = heard(watched);
  const bytes = Buffer.from(`data: ${JSON.stringify(event('5', 'e', 'olá ✓'))}\n\n`);
  for (let at = 0; at < bytes.length; at += 1) {
    server.write(bytes.subarray(at, at + 1));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => words.length === 1, 'it came');
  assert.deepEqual(words, ['e "olá ✓"']);
});

test('goes on from the last id when the connection is lost, and sees nothing twice', async () => {
  const watched = await online(watch());
  const words = heard(watched);
  server.push(event('5', 'before'), 'e1:5');
  await until(() => words.length === 1, 'it came');
  server.snapshot = { recovered: true, state: undefined, members: undefined, position: { epoch: 'e1', offset: '5' } };
  const infos: unknown[] = [];
  watched.onStatus((status, { error, resumed }) => infos.push([status, error?.reason ?? resumed]));
  server.cut();
  await until(() => infos.length === 3, 'a new connection');
  server.push(event('5', 'before'), 'e1:5');
  server.push(event('6', 'after'), 'e1:6');
  await until(() => words.some((word) => word.startsWith('after')), 'it goes on');
  assert.deepEqual(words, ['before null', 'members 1', 'after null']);
  assert.deepEqual(infos, [
    ['offline', 'CONNECTION_LOST'],
    ['connecting', undefined],
    ['online', true],
  ]);
  assert.deepEqual(server.headers('last-event-id'), [undefined, 'e1:5']);
  assert.deepEqual(watched.state, { topic: 'news' });
});

test('tells when what it missed is not known any more', async () => {
  const watched = await online(watch());
  const words = heard(watched);
  server.snapshot = { state: { topic: 'new' }, position: { epoch: 'e2', offset: '1' } };
  server.cut();
  await until(() => words.length === 3, 'a new connection');
  assert.deepEqual(words, ['state {"topic":"new"}', 'members 1', 'gap']);
  server.push(event('2', 'after'), 'e2:2');
  await until(() => words.length === 4, 'it goes on');
});

test('begins anew when a patch does not fit', async () => {
  const watched = await online(watch());
  const words = heard(watched);
  server.snapshot = { state: { topic: 'right' }, position: { epoch: 'e1', offset: '6' } };
  const operations = [{ op: 'replace', path: '/no/such', value: 1 }];
  server.push({ patch: { roomId: 'geral', offset: '5', operations } }, 'e1:5');
  await until(() => words.length === 3, 'the state came whole');
  assert.deepEqual(words, ['state {"topic":"right"}', 'members 1', 'gap']);
  assert.deepEqual(server.headers('last-event-id'), [undefined, undefined]);
});

test('comes again after what passes: no server, a full one, and something else in its place', async () => {
  const answers = [503, 429, 200];
  server.answer = (_, response) => {
    const status = answers.shift();
    if (status) {
      response.writeHead(status, { 'content-type': 'text/html', ...(status === 429 && { 'retry-after': '1' }) });
      response.end('<html>');
    }
    return status !== undefined;
  };
  await server.stop();
  const watched = watch();
  const reasons: string[] = [];
  let message = '';
  watched.onStatus((status, { error, retryAt }) => {
    message = error?.message ?? message;
    if (status === 'offline' && error!.reason !== reasons[reasons.length - 1]) {
      reasons.push(error!.reason);
      assert.equal(error!.reason === 'HTTP_429', retryAt! > Date.now() + 900);
    }
  });
  await until(() => reasons.length === 1, 'offline');
  await server.start();
  await online(watched);
  assert.deepEqual(reasons, ['CONNECTION_LOST', 'HTTP_503', 'HTTP_429', 'CONNECTION_LOST']);
  assert.match(message, /not a stream of events/);
});

test('a server that does not answer is given up', async () => {
  server.answer = () => server.requests.length === 1;
  await online(watch({ requestTimeout: 50 }));
  assert.equal(server.requests.length, 2);
});

test('a token that has expired is followed by a new one', async () => {
  let asked = 0;
  let valid = 'Bearer token 2';
  server.answer = ({ headers }, response) =>
    headers.authorization !== valid && refuse(response, 401, 16, 'TOKEN_INVALID');
  const watched = await online(watch({ token: () => `token ${++asked}` }));
  assert.deepEqual(server.headers('authorization'), ['Bearer token 1', 'Bearer token 2']);
  valid = 'Bearer token 3';
  server.cut();
  await until(() => server.requests.length === 4 && watched.status === 'online', 'a new connection');
  assert.equal(asked, 3);
});

test('a new token that is refused as well is the end', async () => {
  let asked = 0;
  server.answer = (_, response) => refuse(response, 401, 16, 'TOKEN_INVALID');
  assert.deepEqual(await endOf(watch({ token: () => `token ${++asked}` })), [16, 'TOKEN_INVALID']);
  assert.deepEqual([asked, server.requests.length], [2, 2]);
});

test('a function that fails is asked again', async () => {
  let asked = 0;
  const watched = watch({ token: () => (++asked < 3 ? Promise.reject(new Error('not now')) : 'third') });
  const reasons: unknown[] = [];
  watched.onStatus((status, { error }) => status === 'offline' && reasons.push(error!.reason));
  await online(watched);
  assert.deepEqual(reasons, ['TOKEN_UNAVAILABLE', 'TOKEN_UNAVAILABLE']);
});

for (const [status, code, reason] of [
  [400, 3, 'INVALID_FIELD'],
  [401, 16, 'TOKEN_INVALID'],
  [403, 7, 'GRANT_MISSING'],
  [404, 5, 'ROOM_NOT_FOUND'],
] as const) {
  test(`${status} is the end`, async () => {
    server.answer = (_, response) => refuse(response, status, code, reason);
    const watched = watch();
    assert.deepEqual(await endOf(watched), [code, reason]);
    assert.deepEqual(watched.statusInfo.error!.metadata, { room: 'geral' });
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(server.requests.length, 1);
  });
}

test('a room that is destroyed is the end', async () => {
  const watched = await online(watch());
  server.answer = (_, response) => Boolean(response.writeHead(204).end());
  server.push({ left: { roomId: 'geral', reason: 'LEAVE_REASON_CLEANUP' } });
  server.cut();
  assert.deepEqual(await endOf(watched), [5, 'ROOM_DESTROYED']);
});

test('close ends it, with what has come behind that', async () => {
  const watched = await online(watch());
  const words = heard(watched);
  watched.on('last', () => watched.close());
  server.write([event('5', 'last'), event('6', 'late')].map((each) => `data: ${JSON.stringify(each)}\n\n`).join(''));
  assert.deepEqual(await endOf(watched), [1, 'CLOSED']);
  await until(() => server.requests[0]!.socket.destroyed, 'the server sees it');
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.deepEqual([words, server.requests.length], [['last null'], 1]);
});

test('a client that is closed watches nothing', async () => {
  const watched = await online(watch());
  client.close();
  assert.deepEqual(await endOf(watched), [1, 'CLOSED']);
  assert.throws(() => client.watch('geral'), { reason: 'CLOSED' });
});

test('a page that is left ends the stream, and goes on when it is shown again', async () => {
  const target = new EventTarget();
  Object.assign(globalThis, {
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
  });
  const watched = await online(watch());
  target.dispatchEvent(new Event('pagehide'));
  await until(() => server.requests[0]!.socket.destroyed, 'the server sees it');
  assert.equal(watched.status, 'offline');
  target.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
  await online(watched);
  assert.deepEqual(server.headers('last-event-id'), [undefined, 'e1:4']);
});
