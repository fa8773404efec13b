// The web client in Node.js against a real atriumd, over a wire that is cut. `npm run interop` builds it first.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { AtriumClient } from '../../client-sdk/web/dist/sdk/index.js';
import { connectServices, until } from './clients.mjs';
import { Daemon } from './daemon.mjs';
import { Wire } from './wire.mjs';

let daemon;
let wire;
let services;
const clients = [];

before(async () => {
  daemon = await Daemon.start();
  wire = await Wire.start(daemon);
  services = connectServices(daemon.grpc);
});

after(async () => {
  clients.forEach((client) => client.close());
  wire?.stop();
  services?.close();
  await daemon?.stop();
});

/** Says hello as if the last session were unknown to it, while `forgets`. */
class ForgetfulSocket extends WebSocket {
  static forgets = false;

  send(text) {
    const frame = JSON.parse(text);
    if (ForgetfulSocket.forgets && frame.hello) {
      delete frame.hello.resumeToken;
    }
    super.send(JSON.stringify(frame));
  }
}

function connect(server, token) {
  const client = new AtriumClient({
    url: `${server.url.replace('http', 'ws')}/ws`,
    token,
    webSocket: ForgetfulSocket,
    backoff: { min: 20, max: 100 },
  });
  clients.push(client);
  return client;
}

/** What the application hears. */
function heard(room) {
  const words = [];
  room.on('*', (data, { event }) => words.push(event.startsWith('$') ? event : `${event} ${data}`));
  room.onState((state) => words.push(`state ${JSON.stringify(state)}`));
  room.onGap(() => words.push('gap'));
  room.onLeft(({ reason }) => words.push(`left ${reason}`));
  return words;
}

/** Ana, over the wire, and bo in a room of their own. */
async function meet(roomId, token = 'ana') {
  const client = connect(wire, token);
  const ana = await client.join(roomId);
  const bo = await connect(daemon, 'bo').join(roomId);
  await until(() => ana.count === 2, 'bo is there');
  return { client, ana, bo };
}

async function cut(client) {
  wire.cut();
  await until(() => client.status === 'offline', 'the connection is lost');
}

async function mend(client) {
  wire.mend();
  await until(() => client.status === 'online', 'the connection is back');
}

test('a session goes on, with exactly what was missed', async () => {
  const { client, ana, bo } = await meet('resumed');
  const { sessionId } = client;
  const [words, bos] = [heard(ana), heard(bo)];
  await bo.emit('say', 'before');
  await until(() => words.length === 1, 'it came');
  await cut(client);
  await bo.emit('say', 'missed');
  await bo.emit('say', 'for ana', { to: [ana.memberId] });
  await bo.emit('say', 'not for ana', { exclude: [ana.memberId] });
  await bo.setState({ topic: 'news' });
  const own = ana.emit('say', 'written meanwhile', { includeSelf: true });
  await mend(client);
  assert.equal((await own).success, true);
  await bo.emit('say', 'after');
  await until(() => words.at(-1) === 'say after', 'all came');
  assert.deepEqual(words, [
    'say before',
    'say missed',
    'say for ana',
    'state {"topic":"news"}',
    'say written meanwhile',
    'say after',
  ]);
  assert.deepEqual(bos, ['state {"topic":"news"}', 'say written meanwhile']);
  assert.deepEqual([client.sessionId, client.statusInfo.resumed], [sessionId, true]);
});

test('another session has what was missed too, and its own events not again', async () => {
  const { client, ana, bo } = await meet('rejoined');
  const { sessionId } = client;
  const [words, bos] = [heard(ana), heard(bo)];
  await ana.setState({ topic: 'news' });
  await until(() => words.length === 1, 'it came');
  // It is done, but neither that nor the acknowledgement comes through.
  wire.cutBefore('acknowledgement lost');
  const echoed = ana.emit('say', 'acknowledgement lost', { includeSelf: true });
  await until(() => wire.isCut && client.status === 'offline', 'the connection is lost');
  await bo.emit('say', 'missed');
  const unsent = ana.emit('say', 'written meanwhile');
  ForgetfulSocket.forgets = true;
  await mend(client);
  ForgetfulSocket.forgets = false;
  await Promise.all([echoed, unsent]);
  await bo.emit('say', 'after');
  await until(() => words.at(-1) === 'say after' && bos.length >= 4, 'all came');
  assert.deepEqual(words, ['state {"topic":"news"}', 'say acknowledgement lost', 'say missed', 'say after']);
  const said = bos.filter((word) => word.startsWith('say'));
  assert.deepEqual(said, ['say acknowledgement lost', 'say written meanwhile']);
  assert.notEqual(client.sessionId, sessionId);
  assert.deepEqual(ana.state, { topic: 'news' });
});

test('an anonymous client does not repeat in another session what may have been done', async () => {
  const { client, ana, bo } = await meet('anonymous', '');
  const bos = heard(bo);
  wire.cutBefore('sent');
  const sent = ana.emit('say', 'sent', { includeSelf: true });
  await until(() => wire.isCut && client.status === 'offline', 'the connection is lost');
  const lost = assert.rejects(sent, { reason: 'CONNECTION_LOST' });
  const unsent = ana.emit('say', 'unsent');
  ForgetfulSocket.forgets = true;
  await mend(client);
  ForgetfulSocket.forgets = false;
  await lost;
  await unsent;
  await until(() => bos.includes('say unsent'), 'it came');
  assert.deepEqual(
    bos.filter((word) => word.startsWith('say')),
    ['say sent', 'say unsent'],
  );
});

test('a request that is too long for the server fails, and the connection comes back', async () => {
  const { client, ana, bo } = await meet('long');
  const { sessionId } = client;
  const bos = heard(bo);
  await assert.rejects(ana.emit('say', 'x'.repeat(100_000)), { reason: 'MESSAGE_TOO_BIG' });
  await ana.emit('say', 'short');
  await until(() => bos.includes('say short'), 'it came');
  assert.deepEqual([client.sessionId, bos], [sessionId, ['say short']]);
});

test('many events that were written without a connection all arrive in their order', async () => {
  const { client, ana, bo } = await meet('many');
  const bos = heard(bo);
  await cut(client);
  const written = Array.from({ length: 150 }, (_, n) => ana.emit('say', n));
  await mend(client);
  await Promise.all(written);
  await until(() => bos.length === written.length, 'all came');
  assert.deepEqual(
    bos,
    written.map((_, n) => `say ${n}`),
  );
});

test('members show who is away', async () => {
  const { client, bo, ana } = await meet('away');
  const bos = heard(bo);
  const connected = () => bo.members.find(({ id }) => id === ana.memberId)?.connected;
  assert.equal(connected(), true);
  await cut(client);
  await until(() => connected() === false, 'ana is away');
  await mend(client);
  await until(() => connected() === true, 'ana is back');
  assert.deepEqual(bos, []);
});

test('a room that the server has forgotten begins anew, and what was not sent is sent', async () => {
  const { client, ana, bo } = await meet('forgotten');
  const words = heard(ana);
  await ana.setState({ topic: 'old' });
  await until(() => words.length === 1, 'it came');
  await daemon.stop('SIGKILL');
  await until(() => client.status === 'offline', 'the connection is lost');
  const unsent = ana.emit('say', 'unsent', { includeSelf: true });
  daemon = await Daemon.start({ http: daemon.http, grpc: daemon.grpc });
  await unsent;
  await until(() => words.includes('say unsent'), 'it came');
  assert.deepEqual(words.slice(0, 3), ['state {"topic":"old"}', 'state {}', 'gap']);
  await until(() => bo.joined && ana.count === 2, 'both are there');
});

test('as many rooms as there may be are entered at once, and what is asked behind that keeps to the rate', async () => {
  const client = connect(daemon, 'collector');
  const joins = await Promise.allSettled(Array.from({ length: 130 }, (_, i) => client.join(`collected-${i}`)));
  const refusals = joins.filter(({ status }) => status === 'rejected').map(({ reason }) => reason.reason);
  assert.deepEqual(refusals, ['TOO_MANY_ROOMS', 'TOO_MANY_ROOMS']);
  const events = await Promise.allSettled(Array.from({ length: 200 }, (_, i) => joins[0].value.emit(`e${i}`)));
  assert.deepEqual(events.filter(({ status }) => status === 'rejected'), []);
  client.close();
});

test('a room that is joined, left and joined at once is joined', async () => {
  const client = connect(daemon, 'strict');
  const other = await connect(daemon, 'other').join('strict-mode');
  await client.join('first');
  for (let i = 0; i < 5; i++) {
    void client.join('strict-mode');
    void client.room('strict-mode').leave();
    const room = await client.join('strict-mode');
    await until(() => other.count === 2);
    assert.ok((await room.emit('hi')).success);
    void room.leave();
    void client.join('strict-mode');
    await room.leave();
    await until(() => other.count === 1);
  }
  client.close();
});
