// The counter page in Chromium, against a real atriumd.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon } from '../interop/daemon.mjs';
import {
  activity,
  Browser,
  curl,
  fits,
  go,
  hasMembers,
  isReconnecting,
  kDesktop,
  kPhone,
  online,
  picture,
  show,
} from './pages.mjs';

let daemon;
let browser;
let ana;
let bo;

before(async () => {
  daemon = await Daemon.start();
  browser = await Browser.launch();
  ana = await browser.open(daemon, 'ana', 'counter');
  bo = await browser.open(daemon, 'bo', 'counter', { ...kDesktop, colorScheme: 'dark' });
});

after(async () => {
  await browser?.close();
  await daemon?.stop();
});

const press = (page, button) => page.getByRole('button', { name: button }).click();

async function shows(page, count, by) {
  await page
    .getByLabel('Count', { exact: true })
    .filter({ hasText: new RegExp(`^${count}$`) })
    .waitFor();
  await page.getByText(by).waitFor();
}

async function counts(page, people) {
  await online(page, people).waitFor();
}

test('both pages see the same number, and who changed it', async () => {
  await Promise.all([counts(ana, 2), counts(bo, 2)]);
  await shows(ana, 0, 'Nobody has changed it');
  await press(ana, 'Increment');
  await press(ana, 'Increment');
  await Promise.all([shows(ana, 2, 'changed by ana'), shows(bo, 2, 'changed by ana')]);
  await press(bo, 'Decrement');
  await Promise.all([shows(ana, 1, 'changed by bo'), shows(bo, 1, 'changed by bo')]);
  await hasMembers(ana, ['A ana you', 'B bo']);
});

test('both count at once and none is lost', async () => {
  const clicks = async (page) => {
    for (let i = 0; i < 10; i++) {
      await press(page, 'Increment');
    }
  };
  await Promise.all([clicks(ana), clicks(bo)]);
  await Promise.all([shows(ana, 21, 'changed by'), shows(bo, 21, 'changed by')]);
  await ana.mouse.move(0, 0);
  await picture(ana, 'counter');
  await picture(bo, 'counter-dark');
});

test('a backend counts too, and a reset is for all', async () => {
  const { count } = (await curl(daemon, '/api/rooms/counter:global/methods/increment', { username: 'curl' })).result;
  assert.equal(count, 22);
  await Promise.all([shows(ana, 22, 'changed by curl'), shows(bo, 22, 'changed by curl')]);
  await activity(ana).getByText('counter:updated').first().waitFor();
  await press(bo, 'Reset');
  await Promise.all([shows(ana, 0, 'changed by bo'), shows(bo, 0, 'changed by bo')]);
  await press(bo, 'Decrement');
  await shows(ana, -1, 'changed by bo');
});

test('leaving the page leaves the room', async () => {
  await go(bo, 'Chat');
  await counts(ana, 1);
  await hasMembers(ana, ['A ana you']);
  await go(bo, 'Counter');
  await Promise.all([counts(ana, 2), shows(bo, -1, 'changed by bo')]);
});

test('a phone has room for it', async () => {
  const phone = await browser.open(daemon, 'Clara Dias', 'counter', kPhone);
  await shows(phone, -1, 'changed by bo');
  await press(phone, 'Increment');
  await shows(ana, 0, 'changed by Clara Dias');
  await picture(phone, 'counter-phone');
  for (const view of ['People', 'Activity', 'Counter']) {
    await show(phone, view);
    assert.ok(await fits(phone), `${view} is too wide`);
  }
  await phone.context().close();
  await counts(ana, 2);
});

test('both pages come back by themselves after a restart', async () => {
  await daemon.stop('SIGKILL');
  await Promise.all([isReconnecting(ana), isReconnecting(bo)]);
  assert.equal(await ana.getByRole('button', { name: 'Increment' }).isEnabled(), false);
  daemon = await Daemon.start({ http: daemon.http, grpc: daemon.grpc });
  await Promise.all([counts(ana, 2), counts(bo, 2)]);
  await press(ana, 'Increment');
  await Promise.all([shows(ana, 1, 'changed by ana'), shows(bo, 1, 'changed by ana')]);
});

test('the pages had nothing to complain about', () => {
  assert.deepEqual(browser.complaints, []);
});
