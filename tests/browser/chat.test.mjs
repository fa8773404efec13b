// The chat page in Chromium, against a real atriumd.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon } from '../interop/daemon.mjs';
import {
  activity,
  Browser,
  connection,
  curl,
  fits,
  go,
  hasMembers,
  isConnected,
  isReconnecting,
  kDesktop,
  kPhone,
  online,
  picture,
  show,
} from './pages.mjs';

const kBuild = 'Build 1842 passed: 2,318 tests in 41 s';

let daemon;
let browser;
let ana;
let bo;

before(async () => {
  daemon = await Daemon.start();
  browser = await Browser.launch();
  ana = await open('ana');
  bo = await open('bo', { ...kDesktop, colorScheme: 'dark' });
});

after(async () => {
  await browser?.close();
  await daemon?.stop();
});

const messages = (page) => page.getByRole('log');
const rooms = (page) => page.getByRole('navigation', { name: 'Rooms' });
const room = (page, name) => rooms(page).getByRole('button', { name });
const typing = (page) => page.getByText('is typing…');

async function open(name, options) {
  const page = await browser.open(daemon, name, 'chat', options);
  await isIn(page, 'geral');
  return page;
}

/** Its room is shown and takes messages. */
async function isIn(page, name) {
  await isConnected(page);
  await page
    .getByRole('textbox', { name: `Message to ${name}` })
    .and(page.getByPlaceholder(`Message ${name}`))
    .waitFor();
}

async function write(page, text) {
  await page.getByRole('textbox', { name: 'Message to' }).fill(text);
  await page.keyboard.press('Enter');
}

async function sees(page, text) {
  await messages(page).getByText(text, { exact: true }).waitFor();
}

async function create(page, name, password) {
  await page.getByRole('button', { name: 'New room' }).click();
  const dialog = page.getByRole('dialog', { name: 'New room' });
  await dialog.getByLabel('Name', { exact: true }).fill(name);
  await dialog.getByLabel('Password').fill(password);
  await dialog.getByRole('button', { name: 'Create' }).click();
  await isIn(page, name);
}

async function answer(page, password) {
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Password').fill(password);
  await dialog.getByRole('button', { name: 'Join' }).click();
  return dialog;
}

test('both pages show both members and mark their own', async () => {
  await hasMembers(ana, ['A ana you', 'B bo']);
  await hasMembers(bo, ['A ana', 'B bo you']);
  await online(ana, 2).waitFor();
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

test('whoever comes later has the messages of before', async () => {
  const late = await open('Clara Dias');
  await sees(late, 'Good morning! The new build is in staging.');
  await messages(ana).getByText('Clara Dias joined').waitFor();
  await late.context().close();
  await messages(ana).getByText('Clara Dias left').waitFor();
  await hasMembers(ana, ['A ana you', 'B bo']);
});

test('typing shows, and ends with the message or with silence', async () => {
  const field = bo.getByRole('textbox', { name: 'Message to' });
  await field.pressSequentially('Let me look at the calendar.');
  await typing(ana).filter({ hasText: 'bo is typing…' }).waitFor();
  await field.press('Enter');
  await typing(ana).waitFor({ state: 'detached' });
  await sees(ana, 'Let me look at the calendar.');
  await field.pressSequentially('Wait');
  await typing(ana).waitFor();
  await typing(ana).waitFor({ state: 'detached' }); // The room's own doing: nothing more comes from the page.
  assert.equal(await field.inputValue(), 'Wait');
  await field.fill('');
});

test('a message that curl posts appears on both pages', async () => {
  const reply = await curl(daemon, '/api/rooms/chat:geral/messages', { user: 'ci', text: kBuild });
  assert.equal(reply.success, true);
  assert.equal(reply.notified, 2);
  for (const page of [ana, bo]) {
    await sees(page, kBuild);
    const article = messages(page).getByRole('article').filter({ hasText: kBuild });
    assert.match(await article.innerText(), /\bci\b/);
  }
});

test('any event of any room appears under activity', async () => {
  await curl(daemon, '/api/rooms/chat:tech/emit', { event: 'build:done', data: { ok: true } });
  await activity(ana).getByText('build:done').waitFor();
  await activity(bo).getByText('{"ok":true}').waitFor();
});

test('other rooms are told by a count and a switch', async () => {
  await room(bo, 'tech').click();
  await isIn(bo, 'tech');
  await write(bo, 'The deploy can start.');
  await room(ana, /tech\s+1 unread/).click();
  await sees(ana, 'The deploy can start.');
  await go(ana, 'Counter');
  await write(bo, 'It has started.');
  await ana.getByRole('link', { name: /Chat\s+1 unread/ }).click();
  await sees(ana, 'It has started.');
  for (const page of [ana, bo]) {
    await room(page, 'geral').click();
    await isIn(page, 'geral');
  }
});

test('a private room lets in who knows its password', async () => {
  await create(ana, 'Release Team', 'swordfish');
  await hasMembers(ana, ['A ana you']);
  await write(ana, 'Only for us: the release is at two.');

  await room(bo, 'private Release Team').click();
  let dialog = await answer(bo, 'sword');
  await dialog
    .getByRole('alert')
    .filter({ hasText: /password/i })
    .waitFor();
  await picture(bo, 'demo-password');
  await hasMembers(ana, ['A ana you']);
  dialog = await answer(bo, 'swordfish');
  await dialog.waitFor({ state: 'detached' });
  await isIn(bo, 'Release Team');
  await sees(bo, 'Only for us: the release is at two.');
  await hasMembers(bo, ['A ana', 'B bo you']);
  await write(bo, 'Two it is. The release notes are nearly done.');
  await sees(ana, 'Two it is. The release notes are nearly done.');
});

test('an id that is taken is taken', async () => {
  await bo.getByRole('button', { name: 'New room' }).click();
  const dialog = bo.getByRole('dialog', { name: 'New room' });
  await dialog.getByLabel('Name', { exact: true }).fill('release team');
  await dialog.getByText('There is a room release-team already.').waitFor();
  assert.equal(await dialog.getByRole('button', { name: 'Create' }).isEnabled(), false);
  await bo.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
});

test('pictures', async () => {
  for (const page of [ana, bo]) {
    await room(page, 'geral').click();
    await isIn(page, 'geral');
  }
  await write(ana, 'All green, so two o’clock it is. I will be at my desk the whole time.');
  await write(ana, 'Who takes the release notes?');
  await sees(bo, 'Who takes the release notes?');
  await write(bo, 'I do. They are nearly done.');
  await sees(ana, 'I do. They are nearly done.');
  await bo.getByRole('textbox', { name: 'Message to' }).pressSequentially('Somebody');
  await typing(ana).waitFor();
  await ana.mouse.move(0, 0);
  await picture(ana, 'demo');
  await picture(bo, 'demo-dark');
  await bo.getByRole('textbox', { name: 'Message to' }).fill('');
});

test('leaving is told, and a room that was left can be entered again', async () => {
  await room(bo, 'Release Team').click();
  await isIn(bo, 'Release Team');
  await room(ana, 'Release Team').click();
  await bo.getByRole('button', { name: 'Leave Release Team' }).click();
  await isIn(bo, 'geral');
  await messages(ana).getByText('bo left').waitFor();
  await hasMembers(ana, ['A ana you']);
  await write(ana, 'Bo is out.');
  await room(bo, 'Release Team').click();
  await answer(bo, 'swordfish');
  await sees(bo, 'Bo is out.');
  for (const page of [ana, bo]) {
    await room(page, 'geral').click();
    await isIn(page, 'geral');
  }
});

test('markup is text', async () => {
  const markup = '<b>bold</b> & <img src=x onerror=alert(1)>';
  await write(bo, markup);
  await sees(ana, markup);
  await curl(daemon, '/api/rooms/chat:geral/messages', { text: `${markup} 2`, user: markup });
  await sees(ana, `${markup} 2`);
});

test('a phone has room for it', async () => {
  const phone = await open('Clara Dias', kPhone);
  await write(phone, 'On the train, reading along.');
  await sees(phone, 'On the train, reading along.');
  await sees(ana, 'On the train, reading along.');
  await write(ana, 'Safe travels! We start at two.');
  await sees(phone, 'Safe travels! We start at two.');
  await curl(daemon, '/api/rooms/chat:geral/messages', { user: 'ci', text: 'Release notes are up for review' });
  await sees(phone, 'Release notes are up for review');
  await picture(phone, 'demo-phone');
  for (const view of ['People', 'Activity', 'Chat']) {
    await show(phone, view);
    assert.ok(await fits(phone), `${view} is too wide`);
  }
  await room(phone, 'Release Team').click();
  await picture(phone, 'demo-phone-password');
  await phone.keyboard.press('Escape');
  await phone.context().close();
  await hasMembers(ana, ['A ana you', 'B bo']);
});

test('another name is another session, in the same rooms', async () => {
  await bo.getByLabel('Your name').fill('Bo Berg');
  await bo.keyboard.press('Enter');
  await hasMembers(ana, ['A ana you', 'BB Bo Berg']);
  await isIn(bo, 'geral');
  assert.equal(await bo.evaluate(() => localStorage.getItem('atrium.name')), 'Bo Berg');
  await room(bo, 'Release Team').click();
  await sees(bo, 'Bo is out.');
  await room(bo, 'geral').click();
});

for (const signal of ['SIGTERM', 'SIGKILL']) {
  test(`both pages come back by themselves after a restart by ${signal}`, async () => {
    await daemon.stop(signal);
    await Promise.all([isReconnecting(ana), isReconnecting(bo)]);
    await picture(ana, 'demo-reconnecting');
    daemon = await Daemon.start({ http: daemon.http, grpc: daemon.grpc });
    await Promise.all([isIn(ana, 'geral'), isIn(bo, 'geral')]);
    await hasMembers(ana, ['A ana you', 'BB Bo Berg']);
    await hasMembers(bo, ['A ana', 'BB Bo Berg you']);
    await room(ana, 'Release Team').waitFor({ state: 'detached' }); // Nothing is kept without a data folder.
    await write(bo, `Back after ${signal}`);
    await sees(ana, `Back after ${signal}`);
    const reply = await curl(daemon, '/api/rooms/chat:geral/messages', { user: 'ci', text: `Restarted by ${signal}` });
    assert.equal(reply.notified, 2);
    await sees(bo, `Restarted by ${signal}`);
  });
}

test('a session that a service ended asks before it comes again', async () => {
  const [session] = (await (await fetch(`${daemon.url}/api/sessions`)).json()).sessions.filter(
    ({ userId }) => userId === 'Bo Berg',
  );
  await fetch(`${daemon.url}/api/sessions/${session.id}`, { method: 'DELETE' });
  await connection(bo).filter({ hasText: 'Disconnected' }).waitFor();
  await hasMembers(ana, ['A ana you']);
  await bo.getByRole('button', { name: 'Connect' }).click();
  await isIn(bo, 'geral');
  await hasMembers(ana, ['A ana you', 'BB Bo Berg']);
});

test('the pages had nothing to complain about', () => {
  assert.deepEqual(browser.complaints, []);
});
