import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { AtriumClient, ClientOptions } from '../src/index.js';
import { FakeServer } from './fake_server.js';
import { clientOf, refusal, until } from './support.js';

let server: FakeServer;
let client: AtriumClient;
/** How often the app was asked for a token. */
let asked: number;
/** Of each refresh that reached the server. */
let refreshes: string[];

const kExpireTime = '2030-01-01T00:00:00Z';

beforeEach(async () => {
  server = new FakeServer();
  server.resumes = true;
  server.userId = 'ana';
  await server.start();
  asked = 0;
  refreshes = [];
  server.onRequest = ({ id, refresh }) => {
    refreshes.push(refresh.token);
    server.push({ reply: { id, refresh: { expireTime: kExpireTime } } });
  };
});

afterEach(async () => {
  client.close();
  await server.stop();
});

/** The tokens are `token 1`, `token 2` and so on. */
const next = () => `token ${++asked}`;

async function start(token: ClientOptions['token'], options: Partial<ClientOptions> = {}): Promise<void> {
  client = clientOf(server, { token, ...options });
  client.connect();
  await until(() => client.status === 'online', 'online');
}

/** Ends the connection, by a goodbye if there is a code, and waits for the next one. */
async function lose(code?: number): Promise<void> {
  const hellos = server.hellos.length;
  if (code) {
    server.push({ goodbye: { code, reason: 'the token has expired' } });
  } else {
    server.last.terminate();
  }
  await until(() => server.hellos.length === hellos + 1 && client.status === 'online', 'a new connection');
}

const tokens = () => server.hellos.map((hello) => hello['token']);

function refuse(id: number, code: number): object[] {
  const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'TOKEN_INVALID' }];
  const error = { code: 16, message: 'The token is not valid', details };
  return [{ reply: { id, error } }, { goodbye: { code, reason: 'unauthenticated' } }];
}

test('a token is asked for once, and shown again to each connection', async () => {
  await start(async () => next());
  await lose();
  await lose();
  assert.deepEqual(tokens(), ['token 1', 'token 1', 'token 1']);
  assert.equal(asked, 1);
});

test('there is no connection before there is a token, and none when it comes too late', async () => {
  let give = (_: string) => {};
  client = clientOf(server, { token: () => new Promise((resolve) => (give = resolve)) });
  const statuses: string[] = [];
  client.onStatus((status) => statuses.push(status));
  const joining = refusal(client.join('geral'));
  client.connect();
  assert.deepEqual(statuses, ['connecting']);
  client.close();
  give('late');
  assert.equal((await joining).reason, 'CLOSED');
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual([server.handshakes.length, client.status], [0, 'closed']);
});

for (const [how, token] of [
  ['throws', () => assert.fail('signed out')],
  ['rejects', () => Promise.reject(new Error('signed out'))],
  ['gives none', () => undefined as unknown as string],
] as const) {
  test(`a function that ${how} is asked again, and the status tells of it`, async () => {
    client = clientOf(server, { token: () => (++asked < 3 ? token() : 'third') });
    const errors: string[] = [];
    client.onStatus((status, { error, retryAt }) => {
      if (status === 'offline') {
        errors.push(`${error!.reason} ${error!.message}`);
        assert.ok(retryAt! <= Date.now() + 40);
      }
    });
    await client.join('geral');
    const why = how === 'gives none' ? 'it is no text' : 'signed out';
    assert.deepEqual(errors, Array(2).fill(`TOKEN_UNAVAILABLE There is no token to be had: ${why}`));
    assert.deepEqual(tokens(), ['third']);
  });
}

test('a token that expires soon is followed by a new one', async () => {
  await start(next);
  server.push({ expiring: { expireTime: kExpireTime } });
  await until(() => refreshes.length === 1, 'refreshed');
  await lose();
  assert.deepEqual([tokens(), refreshes, asked], [['token 1', 'token 2'], ['token 2'], 2]);
});

test('a new token that cannot be had, or not be shown, is asked for again', async () => {
  await start(() => (next() === 'token 2' ? Promise.reject(new Error('not now')) : `token ${asked}`));
  const { onRequest } = server;
  server.onRequest = ({ id, refresh }) => {
    server.onRequest = onRequest;
    refreshes.push(`refused ${refresh.token}`);
    server.push({ reply: { id, error: { code: 8, message: 'too fast' } } });
  };
  server.push({ expiring: { expireTime: kExpireTime } });
  await until(() => refreshes.length === 2, 'refreshed');
  assert.deepEqual(refreshes, ['refused token 3', 'token 4']);
  assert.deepEqual([client.status, server.hellos.length], ['online', 1]);
});

test('tokens that are short-lived as they come do not follow one another without a pause', async () => {
  await start(next, { backoff: { min: 200, max: 100_000 } });
  const { random } = Math;
  Math.random = () => 0.5;
  try {
    const { onRequest } = server;
    const times: number[] = [];
    const expire = () => server.push({ expiring: { expireTime: kExpireTime } });
    server.onRequest = (frame, socket) => {
      times.push(Date.now());
      onRequest(frame, socket);
      expire();
    };
    expire();
    await until(() => times.length === 3, 'refreshed');
    assert.ok(times[1]! - times[0]! >= 195, `${times[1]! - times[0]!} ms`);
    assert.ok(times[2]! - times[1]! >= 395, `${times[2]! - times[1]!} ms`);
  } finally {
    Math.random = random;
  }
});

test('what is asked when the connection ends is for the next one', async () => {
  let give = (_: string) => {};
  await start(() => (++asked === 1 ? 'first' : new Promise((resolve) => (give = resolve))));
  server.push({ expiring: { expireTime: kExpireTime } });
  await until(() => asked === 2, 'asked');
  server.push({ goodbye: { code: 3006, reason: 'the token has expired' } });
  await until(() => client.status === 'connecting', 'it waits for the token');
  give('second');
  await until(() => server.hellos.length === 2 && client.status === 'online', 'a new connection');
  assert.deepEqual([tokens(), refreshes, asked], [['first', 'second'], [], 2]);
});

test('a session goes on with a new token when the last one has expired', async () => {
  await start(next);
  const room = await client.join('geral');
  await lose(3006);
  assert.deepEqual(tokens(), ['token 1', 'token 2']);
  assert.equal(server.hellos[1]!['resumeToken'], 't1');
  assert.deepEqual([room.joined, client.statusInfo.resumed], [true, true]);
});

test('a hello whose token has expired is followed by one with a new token', async () => {
  await start(next);
  server.refusalOf = ({ token }, id) => (token === 'token 1' ? (refuse(id, 3006) as never) : undefined);
  const reasons: string[] = [];
  client.onStatus((status, { error }) => status === 'offline' && reasons.push(error!.reason));
  server.last.terminate();
  await until(() => server.hellos.length === 3 && client.status === 'online', 'a new connection');
  assert.deepEqual(tokens(), ['token 1', 'token 1', 'token 2']);
  assert.deepEqual(reasons, ['CONNECTION_LOST', 'TOKEN_INVALID']);
});

for (const token of [next, 'ana']) {
  test(`a hello with a ${typeof token} whose token is not valid is the end`, async () => {
    server.refusalOf = (_, id) => refuse(id, 3500) as never;
    client = clientOf(server, { token });
    const error = await refusal(client.join('geral'));
    assert.deepEqual([error.code, error.reason, client.status], [16, 'TOKEN_INVALID', 'closed']);
    assert.equal(client.statusInfo.error, error);
    assert.equal(server.hellos.length, 1);
  });
}

test('a refused hello whose goodbye is lost is tried again', async () => {
  server.refusalOf = (_, id) => {
    server.refusalOf = () => undefined;
    setTimeout(() => server.last.terminate(), 10);
    return refuse(id, 0).slice(0, 1) as never;
  };
  await start('ana');
  assert.deepEqual(tokens(), ['ana', 'ana']);
});

test('a plain token that has expired is the end', async () => {
  await start('ana');
  server.push({ expiring: { expireTime: kExpireTime } });
  await new Promise((resolve) => setTimeout(resolve, 30));
  const room = await client.join('geral');
  const pending = refusal(room.emit('e'));
  server.onRequest = () => server.push({ goodbye: { code: 3006, reason: 'the token has expired' } });
  void refusal(room.emit('e'));
  assert.equal((await pending).reason, 'GOODBYE_3006');
  assert.equal(client.status, 'closed');
  assert.equal(client.statusInfo.error!.message, 'the token has expired');
  assert.equal((await refusal(client.refresh('other'))).reason, 'GOODBYE_3006');
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.deepEqual([server.hellos.length, refreshes], [1, []]);
});

test('the app may give a new token by itself', async () => {
  await start('first');
  const time = await client.refresh('second');
  assert.deepEqual([time, refreshes], [new Date(kExpireTime), ['second']]);
  await lose();
  assert.deepEqual(tokens(), ['first', 'second']);
  await client.refresh('third');
  server.push({ goodbye: { code: 3006, reason: 'the token has expired' } });
  await until(() => client.status !== 'online', 'the end of the connection');
  assert.equal(client.status, 'closed');
});

test('a token that was given too late for this connection is for the next one', async () => {
  await start('first');
  server.onRequest = () => server.push({ goodbye: { code: 3006, reason: 'the token has expired' } });
  assert.equal((await refusal(client.refresh('second'))).reason, 'GOODBYE_3006');
  await until(() => server.hellos.length === 2 && client.status === 'online', 'a new connection');
  await server.stop();
  await until(() => client.status === 'offline', 'offline');
  assert.equal((await refusal(client.refresh('third'))).reason, 'NOT_CONNECTED');
  await server.start();
  await until(() => server.hellos.length === 3, 'a new connection');
  assert.deepEqual(tokens(), ['first', 'second', 'third']);
});

test('a refused token is told, and that of another user is the end', async () => {
  await start('first');
  server.onRequest = ({ id }) => {
    server.push({ reply: { id, error: { code: 3, message: 'refresh.token: at most 4096 bytes' } } });
  };
  assert.equal((await refusal(client.refresh('long'))).code, 3);
  server.onRequest = () => server.push({ goodbye: { code: 3500, reason: 'another user' } });
  assert.equal((await refusal(client.refresh('bo'))).reason, 'GOODBYE_3500');
  assert.equal(client.status, 'closed');
});

test('a token is never in an address or a header', async () => {
  await start(() => 'secret');
  assert.equal(server.handshakes.length, 1);
  assert.ok(!server.handshakes[0]!.includes('secret'), server.handshakes[0]);
});

test('a room whose grant is gone is left for good', async () => {
  await start(next);
  const room = await client.join('geral');
  await client.join('tech');
  const left: string[] = [];
  room.onLeft(({ reason }) => left.push(reason));
  server.push({ left: { roomId: 'geral', memberId: server.sessionId, reason: 'LEAVE_REASON_ACCESS_REVOKED' } });
  await until(() => left.length === 1, 'left');
  assert.deepEqual(left, ['LEAVE_REASON_ACCESS_REVOKED']);
  server.resumes = false;
  await lose();
  await until(() => server.joins.length === 3, 'joined again');
  await lose();
  await until(() => server.joins.length === 4, 'joined again');
  const joined = server.joins.map((join) => join['roomId']);
  assert.deepEqual(joined, ['geral', 'tech', 'tech', 'tech']);
  assert.equal(room.joined, false);
});
