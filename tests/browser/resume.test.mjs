// Connections that are lost, and a server that is, as the chat page in Chromium takes them.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Daemon } from '../interop/daemon.mjs';
import {
  activity,
  Browser,
  connection,
  curl,
  hasMembers,
  isConnected,
  isReconnecting,
  picture,
  until,
} from './pages.mjs';
import { Wire } from '../interop/wire.mjs';

// Well below the 2 s after which others hear of a lost connection, and the 15 s that a session waits.
const kGone = 1500;

let data;
let daemon;
let wire;
let browser;
let ana;
let bo;

before(async () => {
  data = mkdtempSync(join(tmpdir(), 'atrium-browser-'));
  daemon = await start();
  wire = await Wire.start(daemon);
  browser = await Browser.launch({ keepsPages: true });
  ana = await open(daemon, 'ana');
  bo = await open(wire, 'bo');
  await hasMembers(ana, ['A ana you', 'B bo']);
});

after(async () => {
  await browser?.close();
  wire?.stop();
  await daemon?.stop();
  rmSync(data, { recursive: true, force: true });
});

function start(addresses = {}) {
  return Daemon.start({ ...addresses, flags: ['--data-dir', data] });
}

async function open(server, name) {
  const page = await browser.open(server, name, 'chat');
  await isIn(page);
  return page;
}

const lines = (page) => page.getByRole('log');
const field = (page) => page.getByRole('textbox', { name: 'Message to geral' });

async function isIn(page) {
  await isConnected(page);
  await page.getByPlaceholder('Message geral').waitFor();
}

async function write(page, text) {
  await field(page).fill(text);
  await page.keyboard.press('Enter');
}

async function sees(page, text) {
  await lines(page).getByText(text, { exact: true }).waitFor();
}

/** What the messages of a page say, in order. */
async function messages(page) {
  return lines(page).getByRole('article').locator('p').allInnerTexts();
}

async function notices(page) {
  return lines(page).locator('.notice').allInnerTexts();
}

/** `chat:message` events of `page` that its activity shows, oldest first. */
async function events(page) {
  const details = await activity(page).locator('li', { hasText: 'chat:message' }).locator('code').allInnerTexts();
  return details.map((detail) => JSON.parse(detail).text).reverse();
}

async function shows(page, expected) {
  await until(async () => (await messages(page)).join() === expected.join(), `the messages are ${expected}`);
}

test('a page whose connection is cut shows what it missed, in order and once', async () => {
  await write(ana, 'one');
  await sees(bo, 'one');
  const before = await notices(ana);
  wire.cut();
  await isReconnecting(bo);
  for (const text of ['two', 'three', 'four']) {
    await write(ana, text);
    await sees(ana, text);
  }
  await write(bo, 'from bo, meanwhile');
  await sees(bo, 'from bo, meanwhile');
  assert.deepEqual(await messages(bo), ['one', 'from bo, meanwhile']);
  assert.equal(await lines(bo).locator('.waiting').count(), 1);
  wire.mend();
  const all = ['one', 'two', 'three', 'four', 'from bo, meanwhile'];
  await Promise.all([shows(bo, all), shows(ana, all)]);
  for (const page of [ana, bo]) {
    await until(async () => (await events(page)).length >= all.length, 'the events are there');
    assert.deepEqual(await events(page), all);
  }
  await activity(bo).getByText(/goes on$/).waitFor();
  assert.deepEqual(await notices(ana), before); // Nobody left, nobody joined.
  assert.deepEqual(await notices(bo), []);
});

test('the others see who is away, and that it is back', async () => {
  const before = await notices(ana);
  wire.cut();
  await hasMembers(ana, ['A ana you', 'B bo away']);
  await picture(ana, 'demo-away');
  await write(ana, 'Are you there?');
  wire.mend();
  await hasMembers(ana, ['A ana you', 'B bo']);
  await sees(bo, 'Are you there?');
  await hasMembers(bo, ['A ana', 'B bo you']);
  assert.deepEqual(await notices(ana), before);
});

test('a message whose acknowledgement is lost is posted once', async () => {
  for (const text of ['first', 'second', 'third']) {
    await field(bo).fill(text);
    wire.cutBefore(text);
    await bo.keyboard.press('Enter');
    await until(() => wire.isCut, 'the connection was cut');
    wire.mend();
    await isIn(bo);
    await sees(ana, text);
  }
  await write(ana, 'fourth');
  for (const page of [ana, bo]) {
    await sees(page, 'fourth');
    assert.deepEqual((await messages(page)).slice(-4), ['first', 'second', 'third', 'fourth']);
  }
});

test('a page that is closed is gone at once', async () => {
  const clara = await open(daemon, 'clara');
  await hasMembers(ana, ['A ana you', 'B bo', 'C clara']);
  const closed = Date.now();
  await clara.close();
  await lines(ana).getByText('clara left').waitFor();
  assert.ok(Date.now() - closed < kGone, `after ${Date.now() - closed} ms`);
  await hasMembers(ana, ['A ana you', 'B bo']);
});

test('a page that is left is gone at once, and is there again when it comes back', async () => {
  const dora = await open(daemon, 'dora');
  await hasMembers(ana, ['A ana you', 'B bo', 'D dora']);
  await dora.evaluate(() => addEventListener('pageshow', ({ persisted }) => (window.wasKept = persisted)));
  const left = Date.now();
  await dora.goto('about:blank');
  await lines(ana).getByText('dora left').waitFor();
  assert.ok(Date.now() - left < kGone, `after ${Date.now() - left} ms`);
  await dora.goBack({ waitUntil: 'commit' });
  await isIn(dora);
  assert.equal(await dora.evaluate(() => window.wasKept), true);
  await hasMembers(ana, ['A ana you', 'B bo', 'D dora']);
  await write(dora, 'back again');
  await sees(ana, 'back again');
  await dora.close();
  await hasMembers(ana, ['A ana you', 'B bo']);
});

test('a server that is killed and comes again has all, and what was written meanwhile once', async () => {
  const before = await messages(ana);
  await write(bo, 'before the end');
  await sees(ana, 'before the end');
  wire.cutBefore('acknowledgement lost'); // It is on disk then.
  await write(bo, 'acknowledgement lost');
  await until(() => wire.isCut, 'the connection is cut');
  await sees(ana, 'acknowledgement lost');
  await daemon.stop('SIGKILL');
  wire.mend();
  await Promise.all([isReconnecting(ana), isReconnecting(bo)]);
  await write(ana, 'written by ana');
  await write(bo, 'written by bo');
  await sees(bo, 'written by bo');
  await picture(bo, 'demo-waiting');
  daemon = await start({ http: daemon.http, grpc: daemon.grpc });
  await Promise.all([isIn(ana), isIn(bo)]);
  await Promise.all([sees(ana, 'written by bo'), sees(bo, 'written by ana')]);
  await hasMembers(ana, ['A ana you', 'B bo']);
  const { state } = await (await fetch(`${daemon.url}/api/rooms/chat:geral/state`)).json();
  const stored = state.messages.map(({ text }) => text);
  const kept = [...before, 'before the end', 'acknowledgement lost'];
  assert.deepEqual(stored.slice(0, kept.length), kept);
  assert.deepEqual(stored.slice(kept.length).sort(), ['written by ana', 'written by bo']);
  await Promise.all([shows(ana, stored), shows(bo, stored)]);
  await curl(daemon, '/api/rooms/chat:geral/messages', { user: 'ci', text: 'it goes on' });
  await Promise.all([sees(ana, 'it goes on'), sees(bo, 'it goes on')]);
  assert.equal(await connection(ana).innerText(), 'Online');
});

test('the pages had nothing to complain about', () => {
  assert.deepEqual(browser.complaints, []);
});
