// The demo page in Chromium, against a real atriumd. ATRIUMD, CHROMIUM: what to run. SCREENSHOTS: where pictures go.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { Daemon, root } from '../interop/daemon.mjs';

const kTimeout = 20_000;
const kFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const kBuild = 'Build 1842 passed: 2,318 tests in 41 s';
const kDesktop = { width: 1360, height: 820 };
const kPhone = { width: 390, height: 800 };
const pictures = process.env.SCREENSHOTS || `${root}build/screenshots`;

let daemon;
let browser;
let ana;
let bo;
const complaints = []; // What the pages wrote to the console, without failures to connect.

before(async () => {
  mkdirSync(pictures, { recursive: true });
  daemon = await Daemon.start();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: kFlags,
  });
  ana = await open('ana', { viewport: kDesktop });
  bo = await open('bo', { viewport: kDesktop, colorScheme: 'dark' });
});

after(async () => {
  await browser?.close();
  await daemon?.stop();
});

async function open(name, options) {
  const context = await browser.newContext({ deviceScaleFactor: 2, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(kTimeout);
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    const text = message.text();
    if (['error', 'warning'].includes(message.type()) && !/ERR_CONNECTION|WebSocket connection to/.test(text)) {
      complaints.push(text);
    }
  });
  await page.goto(`${daemon.url}/?name=${encodeURIComponent(name)}`);
  await isOnline(page);
  return page;
}

const connection = (page) => page.getByRole('status', { name: 'Connection' });
const messages = (page) => page.getByRole('log');
const members = (page) => page.getByRole('list', { name: 'Members' }).getByRole('listitem');
const activity = (page) => page.getByRole('list', { name: 'Activity' });
const picture = (page, name) => page.screenshot({ path: `${pictures}/${name}.png` });

async function isOnline(page) {
  await connection(page).filter({ hasText: 'Online' }).waitFor();
  await page.getByRole('textbox', { name: 'Message to' }).and(page.getByPlaceholder('Message #')).waitFor();
}

async function write(page, text) {
  await page.getByRole('textbox', { name: 'Message to' }).fill(text);
  await page.keyboard.press('Enter');
}

async function sees(page, text) {
  await messages(page).getByText(text, { exact: true }).waitFor();
}

async function until(condition, what) {
  const deadline = Date.now() + kTimeout;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function hasMembers(page, expected) {
  const names = async () =>
    (await members(page).allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim()).sort();
  await until(async () => (await names()).join() === expected.join(), `the members are ${expected}`);
}

// As the page shows it: a child process, no library of ours.
async function curl(path, body) {
  const args = ['-sS', '--fail-with-body', '-H', 'Content-Type: application/json', '-d', JSON.stringify(body)];
  const { stdout } = await promisify(execFile)('curl', [...args, daemon.url + path]);
  return JSON.parse(stdout);
}

test('both pages show both members and mark their own', async () => {
  await hasMembers(ana, ['A ana you', 'B bo']);
  await hasMembers(bo, ['A ana', 'B bo you']);
  await messages(ana).getByText('bo joined').waitFor();
});

test('a message goes from page to page', async () => {
  await write(ana, 'Good morning! The new build is in staging.');
  await sees(bo, 'Good morning! The new build is in staging.');
  await sees(ana, 'Good morning! The new build is in staging.');
  await write(bo, 'Lovely. Shall we release it this afternoon?');
  await sees(ana, 'Lovely. Shall we release it this afternoon?');
  const article = messages(ana).getByRole('article').filter({ hasText: 'Lovely' });
  assert.match(await article.innerText(), /^B?\s*bo\b/);
});

test('a message that curl posts appears on both pages, as from a service', async () => {
  const reply = await curl('/api/rooms/geral/messages', { user: 'ci', text: kBuild });
  assert.equal(reply.success, true);
  assert.equal(reply.notified, 2);
  for (const page of [ana, bo]) {
    await sees(page, kBuild);
    const article = messages(page).getByRole('article').filter({ hasText: kBuild });
    assert.match(await article.innerText(), /ci\s+API/);
  }
});

test('any event of any room appears under activity', async () => {
  await curl('/api/rooms/tech/emit', { event: 'build:done', data: { ok: true } });
  await activity(ana).getByText('build:done').waitFor();
  await activity(bo).getByText('{"ok":true}').waitFor();
});

test('the topic is state of the room', async () => {
  await ana.getByRole('button', { name: 'Change the topic' }).click();
  await ana.getByRole('textbox', { name: 'Topic' }).fill('Release 1.4 this afternoon');
  await ana.keyboard.press('Enter');
  await bo.getByRole('button', { name: 'Change the topic: Release 1.4 this afternoon' }).waitFor();
  await activity(bo).getByText('replace /topic').waitFor();
});

test('other rooms are told by a count and a switch', async () => {
  await bo.getByRole('navigation', { name: 'Rooms' }).getByRole('button', { name: 'tech' }).click();
  await write(bo, 'The deploy can start.');
  await ana.getByRole('navigation', { name: 'Rooms' }).getByRole('button', { name: /tech\s+1 unread/ }).click();
  await sees(ana, 'The deploy can start.');
  for (const page of [ana, bo]) {
    await page.getByRole('navigation', { name: 'Rooms' }).getByRole('button', { name: 'geral' }).click();
  }
  await write(ana, 'All green, so two o’clock it is. I will be at my desk the whole time.');
  await write(ana, 'Who takes the release notes?');
  await sees(bo, 'Who takes the release notes?');
  await write(bo, 'I do. They are nearly done.');
  await sees(ana, 'I do. They are nearly done.');
  await ana.mouse.move(0, 0);
  await picture(ana, 'demo');
  await picture(bo, 'demo-dark');
});

test('markup is text', async () => {
  const markup = '<b>bold</b> & <img src=x onerror=alert(1)>';
  await write(bo, markup);
  await sees(ana, markup);
  await curl('/api/rooms/geral/emit', { event: 'message:new', data: { text: `${markup} 2`, user: { not: 'a text' } } });
  await sees(ana, `${markup} 2`);
});

test('a phone has room for it', async () => {
  const phone = await open('Clara Dias', { viewport: kPhone, hasTouch: true, isMobile: true });
  await write(phone, 'On the train, reading along.');
  await sees(phone, 'On the train, reading along.');
  await sees(ana, 'On the train, reading along.');
  await write(ana, 'Safe travels! We start at two.');
  await sees(phone, 'Safe travels! We start at two.');
  await curl('/api/rooms/geral/messages', { user: 'ci', text: 'Release notes are up for review' });
  await sees(phone, 'Release notes are up for review');
  await picture(phone, 'demo-phone');
  for (const view of ['People', 'Activity', 'Chat']) {
    await phone.getByRole('navigation', { name: 'Views' }).getByRole('button', { name: view }).click();
    assert.ok(
      await phone.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth),
      `${view} is too wide`,
    );
  }
  await phone.context().close();
  await hasMembers(ana, ['A ana you', 'B bo']);
});

test('another name is another session', async () => {
  await bo.getByLabel('Your name').fill('Bo Berg');
  await bo.keyboard.press('Enter');
  await isOnline(bo);
  await hasMembers(ana, ['A ana you', 'BB Bo Berg']);
  assert.equal(await bo.evaluate(() => localStorage.getItem('atrium.name')), 'Bo Berg');
});

for (const signal of ['SIGTERM', 'SIGKILL']) {
  test(`both pages come back by themselves after a restart by ${signal}`, async () => {
    await daemon.stop(signal);
    for (const page of [ana, bo]) {
      await connection(page).filter({ hasText: 'Reconnecting' }).waitFor();
    }
    await picture(ana, 'demo-reconnecting');
    daemon = await Daemon.start({ http: daemon.http, grpc: daemon.grpc });
    await Promise.all([isOnline(ana), isOnline(bo)]);
    await hasMembers(ana, ['A ana you', 'BB Bo Berg']);
    await hasMembers(bo, ['A ana', 'BB Bo Berg you']);
    await write(bo, `Back after ${signal}`);
    await sees(ana, `Back after ${signal}`);
    const reply = await curl('/api/rooms/geral/messages', { user: 'ci', text: `Restarted by ${signal}` });
    assert.equal(reply.notified, 2);
    await sees(bo, `Restarted by ${signal}`);
  });
}

test('the pages had nothing to complain about', () => {
  assert.deepEqual(complaints, []);
});
