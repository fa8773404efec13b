// The ping-pong page in Chromium, against a real atriumd.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon } from '../interop/daemon.mjs';
import { Browser, curl, fits, hasMembers, isReconnecting, kDesktop, kPhone, online, picture, show } from './pages.mjs';

let daemon;
let browser;
let ana;
let bo;

before(async () => {
  daemon = await Daemon.start();
  browser = await Browser.launch();
  ana = await browser.open(daemon, 'ana', 'ping');
  bo = await browser.open(daemon, 'bo', 'ping', { ...kDesktop, colorScheme: 'dark' });
  await Promise.all([counts(ana, 2), counts(bo, 2)]);
});

after(async () => {
  await browser?.close();
  await daemon?.stop();
});

const pongs = (page) => page.getByRole('list', { name: 'Pongs' }).getByRole('listitem');
const auto = (page) => page.getByRole('switch', { name: 'Ping each second' });
const ping = (page) => page.getByRole('button', { name: 'Ping', exact: true }).click();

// The number of the newest pong to `name`.
async function newest(page, name) {
  const text = await pongs(page).filter({ hasText: name }).first().innerText();
  return Number(/#(\d+)/.exec(text)[1]);
}

async function counts(page, people) {
  await online(page, people).waitFor();
}

async function totals(page, pings) {
  await page.getByText(new RegExp(`^${pings} pings by all`)).waitFor();
}

async function milliseconds(page, figure) {
  const text = await page.locator('dl > div', { hasText: figure }).locator('dd').innerText();
  return text === '–' ? undefined : Number(/^([\d.]+) ms$/.exec(text)[1]);
}

test('a ping comes back with its time, and the others see it', async () => {
  assert.equal(await milliseconds(ana, 'Last'), undefined);
  await ping(ana);
  await pongs(ana)
    .filter({ hasText: /^ana #1 [\d.]+ ms/ })
    .waitFor();
  await pongs(bo)
    .filter({ hasText: /^ana #1 / })
    .waitFor();
  assert.doesNotMatch(await pongs(bo).first().innerText(), / ms/);
  assert.equal(await milliseconds(bo, 'Last'), undefined);
  assert.ok((await milliseconds(ana, 'Last')) < 5000);
  await Promise.all([totals(ana, 1), totals(bo, 1)]);
  await hasMembers(ana, ['A ana you', 'B bo']);
});

test('the last 20 make the figures', async () => {
  for (let sent = 1; sent <= 24; sent++) {
    await ping(ana);
    await pongs(ana)
      .filter({ hasText: new RegExp(`^ana #${sent + 1} `) })
      .waitFor();
  }
  await totals(bo, 25);
  await ana.getByText('The last 20, at most').waitFor();
  const fastest = await milliseconds(ana, 'Fastest');
  const average = await milliseconds(ana, 'Average');
  assert.ok(fastest > 0 && fastest <= average, `${fastest} and ${average}`);
});

test('it pings by itself until told to stop', async () => {
  await auto(bo).check();
  await pongs(bo)
    .filter({ hasText: /^bo #3 / })
    .waitFor();
  await ana.mouse.move(0, 0);
  await picture(ana, 'ping');
  await picture(bo, 'ping-dark');
  await auto(bo).uncheck();
  const own = await newest(bo, /^bo /);
  // In the time of four of another page's, one each second, it would send three more.
  const others = await newest(ana, /^ana /);
  await auto(ana).check();
  await pongs(bo)
    .filter({ hasText: new RegExp(`^ana #${others + 4} `) })
    .waitFor();
  await auto(ana).uncheck();
  // One may have been on its way.
  assert.ok((await newest(bo, /^bo /)) <= own + 1);
});

test('a backend pings too', async () => {
  await curl(daemon, '/api/rooms/ping:global/methods/ping', { user: 'curl', seq: 77 });
  for (const page of [ana, bo]) {
    await pongs(page)
      .filter({ hasText: /^curl #77 / })
      .waitFor();
    await page.getByText(/pings by all, the last by curl$/).waitFor();
  }
});

test('a phone has room for it', async () => {
  const phone = await browser.open(daemon, 'Clara Dias', 'ping', kPhone);
  await counts(phone, 3);
  await ping(phone);
  await pongs(phone)
    .filter({ hasText: /^Clara Dias #1 [\d.]+ ms/ })
    .waitFor();
  await pongs(ana).filter({ hasText: 'Clara Dias' }).waitFor();
  await picture(phone, 'ping-phone');
  for (const view of ['People', 'Activity', 'Ping-pong']) {
    await show(phone, view);
    assert.ok(await fits(phone), `${view} is too wide`);
  }
  await phone.context().close();
  await counts(ana, 2);
});

test('it goes on by itself after a restart', async () => {
  await auto(ana).check();
  await daemon.stop('SIGKILL');
  await Promise.all([isReconnecting(ana), isReconnecting(bo)]);
  daemon = await Daemon.start({ http: daemon.http, grpc: daemon.grpc });
  await Promise.all([counts(ana, 2), counts(bo, 2)]);
  await bo.getByText(/^[1-9]\d* pings by all, the last by ana$/).waitFor();
});

test('the pages had nothing to complain about', () => {
  assert.deepEqual(browser.complaints, []);
});
