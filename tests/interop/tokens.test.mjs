// A server without --dev: services show keys over gRPC, and the web client shows tokens that a backend has made with jose.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Metadata, status } from '@grpc/grpc-js';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { WebSocket } from 'ws';
import { AtriumClient } from '../../client-sdk/web/dist/sdk/index.js';
import { connectServices, until } from './clients.mjs';
import { Daemon } from './daemon.mjs';

const kAlgorithms = ['RS256', 'PS256', 'ES256'];
const kSecret = `atk_shop_${randomBytes(32).toString('base64url')}`;

let directory;
let daemon;
let services;
const issuers = {};
const clients = [];

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'atrium-tokens-'));
  const keys = [];
  for (const alg of kAlgorithms) {
    const { publicKey, privateKey } = await generateKeyPair(alg);
    keys.push({ ...(await exportJWK(publicKey)), kid: alg, alg, use: 'sig' });
    issuers[alg] = privateKey;
  }
  const file = (name, content) => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const sha256 = createHash('sha256').update(kSecret).digest('hex');
  daemon = await Daemon.start({
    flags: [
      `--service-keys=${file('keys.yaml', `keys: [{id: shop, sha256: "${sha256}", scopes: [{methods: [Emit]}]}]`)}`,
      `--client-jwks=${file('jwks.json', JSON.stringify({ keys }))}`,
      '--client-audience=atrium',
      '--client-leeway=0s',
    ],
  });
  services = connectServices(daemon.grpc);
});

after(async () => {
  clients.forEach((client) => client.close());
  services?.close();
  await daemon?.stop();
  rmSync(directory, { recursive: true, force: true });
});

function mint(user, { alg = 'ES256', seconds = 600, can = ['join', 'emit', 'watch'] } = {}) {
  return new SignJWT({ rooms: [{ room: 'geral', can }] })
    .setProtectedHeader({ alg, kid: alg })
    .setSubject(user)
    .setAudience('atrium')
    .setIssuedAt()
    .setExpirationTime(`${seconds}s`)
    .sign(issuers[alg]);
}

function connect(token) {
  const client = new AtriumClient({
    url: daemon.webSocketUrl,
    token,
    webSocket: WebSocket,
    backoff: { min: 20, max: 100 },
  });
  clients.push(client);
  return client;
}

for (const alg of kAlgorithms) {
  test(`a token of jose opens a room: ${alg}`, async () => {
    const room = await connect(() => mint(`user-${alg}`, { alg })).join('geral');
    assert.ok(room.members.some((member) => member.userId === `user-${alg}`));
  });
}

test('a room without a grant stays closed, and says what is missing', async () => {
  const client = connect(() => mint('ana'));
  await assert.rejects(client.join('outra'), (error) => {
    assert.equal(error.reason, 'GRANT_MISSING');
    assert.equal(error.metadata.verb, 'join');
    return true;
  });
});

test('a token that expires is followed by another, and nothing is missed', async () => {
  let asked = 0;
  const client = connect(() => {
    asked++;
    return mint('bo', { seconds: asked < 4 ? 2 : 600 });
  });
  const lost = [];
  client.onStatus((now) => now === 'offline' && lost.push(now));
  const room = await client.join('geral');
  const heard = [];
  room.on('count', (data) => heard.push(data));
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${kSecret}`);
  for (let count = 0; asked < 4; count++) {
    await services.rooms.emit({ roomId: 'geral', event: 'count', data: { numberValue: count } }, metadata);
    await until(() => heard.length === count + 1, `count ${count} is heard`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(heard, [...heard.keys()]);
  assert.deepEqual(lost, []);
});

test('a token that has expired closes a client that has no other', async () => {
  const client = connect(await mint('cid', { seconds: -5 }));
  await assert.rejects(client.join('geral'));
  await until(() => client.status === 'closed', 'it is closed');
});

test('a room is watched with a token, and not without its grant', async () => {
  const watch = connect(() => mint('dan')).watch('geral');
  await until(() => watch.status === 'online', 'it watches');
  const refused = connect(() => mint('eve', { can: ['join'] })).watch('geral');
  await until(() => refused.status === 'closed', 'it is refused');
  assert.equal(refused.statusInfo.error.reason, 'GRANT_MISSING');
  watch.close();
});

test('a service shows its key, which is for what its scopes say', async () => {
  const metadata = new Metadata();
  metadata.set('x-api-key', kSecret);
  const emitted = await services.rooms.emit({ roomId: 'geral', event: 'hi' }, metadata);
  assert.equal(emitted.success, true);
  await assert.rejects(services.rooms.getRoom({ roomId: 'geral' }, metadata), { code: status.PERMISSION_DENIED });
  await assert.rejects(services.rooms.emit({ roomId: 'geral', event: 'hi' }), { code: status.UNAUTHENTICATED });
});
