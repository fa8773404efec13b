// The README's way from nothing to a server that takes the tokens of a backend: what it says is run as it stands there.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { Daemon, root } from '../interop/daemon.mjs';
import { block } from './readme.mjs';

const kSection = 'Credentials';
const kVenv = `${root}build/venv`;
const kTools = `${kVenv}/bin`;

let directory;
let daemon;

const path = (name) => join(directory, name);
// The command line stands beside the daemon.
const kBinaries = dirname(process.env.ATRIUMD || `${root}build/release/bin/atriumd`);
const kEnvironment = { ...process.env, PATH: `${kBinaries}:${process.env.PATH}` };
const run = (command, args, options) =>
  execFileSync(command, args, {
    cwd: directory,
    encoding: 'utf8',
    env: kEnvironment,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
const shell = (text) => run('bash', ['-euc', block(kSection, 'sh', text)]);

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'atrium-minting-'));
  shell('> shop.key');
  shell('> jwks.json');
  daemon = await Daemon.start({
    flags: [
      `--service-keys=${path('keys.yaml')}`,
      `--client-jwks=${path('jwks.json')}`,
      '--client-audience=atrium',
      '--client-issuer=shop',
    ],
  });
  run('python3', ['-m', 'venv', kVenv]);
  run(`${kTools}/pip`, ['install', '--quiet', '--disable-pip-version-check', '-r', `${root}tests/minting/requirements.txt`]);
});

after(async () => {
  await daemon?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Asks for the rooms with that credential. */
const ask = (credential) => fetch(`${daemon.url}/api/rooms`, { headers: { authorization: `Bearer ${credential}` } });

async function assertOpens(credential) {
  const answer = await ask(credential);
  assert.equal(answer.status, 200, await answer.text());
  assert.equal((await ask(`${credential.slice(0, -1)}`)).status, 401);
}

test('the key of the service', async () => {
  await assertOpens(run('cat', ['shop.key']).trim());
});

test('a token of atrium', async () => {
  assert.match(shell('atrium check-token'), /^user +ana\nissuer +shop\n(.+\n)+grant +geral: join, emit\n$/);
  await assertOpens(run('cat', ['ana.jwt']).trim());
});

test('a token of PyJWT', async () => {
  writeFileSync(path('mint.py'), `${block(kSection, 'python', 'jwt.encode')}\nprint(token, end='')\n`);
  await assertOpens(run(`${kTools}/python`, ['mint.py']));
});

test('a token of jose', async () => {
  mkdirSync(path('node_modules'));
  symlinkSync(`${root}tests/node_modules/jose`, path('node_modules/jose'));
  writeFileSync(path('mint.mjs'), `${block(kSection, 'js', 'SignJWT')}\nprocess.stdout.write(token);\n`);
  await assertOpens(run('node', ['mint.mjs']));
});

test('a token of golang-jwt', async () => {
  const names = 'crypto/ecdsa crypto/elliptic encoding/base64 encoding/json fmt os time github.com/golang-jwt/jwt/v5';
  const imports = names.replaceAll(/(\S+) ?/g, 'import "$1"\n');
  const code = block(kSection, 'go', 'SignedString');
  writeFileSync(path('main.go'), `package main\n\n${imports}\nfunc main() {\n${code}\n_ = err\nfmt.Print(text)\n}\n`);
  for (const name of ['go.mod', 'go.sum']) {
    copyFileSync(`${root}tests/minting/${name}`, path(name));
  }
  const env = { ...kEnvironment, GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local', GOCACHE: `${root}build/go-cache` };
  await assertOpens(run(`${kTools}/go`, ['run', '.'], { env }));
});
