// Pages of the demo in Chromium. CHROMIUM: what to run. SCREENSHOTS: where pictures go.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { root } from '../interop/daemon.mjs';

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
const kPictures = process.env.SCREENSHOTS || `${root}build/screenshots`;

export const kDesktop = { viewport: { width: 1360, height: 820 } };
export const kPhone = { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true };

/** A Chromium of one test file. */
export class Browser {
  /** What its pages wrote to the console, without failures to connect. */
  complaints = [];

  /** `keepsPages`: a page that is left is kept as it is, for the way back. */
  static async launch({ keepsPages = false } = {}) {
    mkdirSync(kPictures, { recursive: true });
    const browser = new Browser();
    browser.chromium = await chromium.launch({
      executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
      args: kFlags,
      ignoreDefaultArgs: keepsPages ? ['--disable-back-forward-cache'] : [],
    });
    return browser;
  }

  /** A page of its own, as of another person's computer; `page` is the part after the `#`. */
  async open(daemon, name, page, options = kDesktop) {
    const context = await this.chromium.newContext({ deviceScaleFactor: 2, ...options });
    const opened = await context.newPage();
    opened.setDefaultTimeout(kTimeout);
    opened.on('pageerror', (error) => this.complaints.push(String(error)));
    opened.on('console', (message) => {
      const text = message.text();
      if (['error', 'warning'].includes(message.type()) && !/ERR_CONNECTION|WebSocket connection to/.test(text)) {
        this.complaints.push(text);
      }
    });
    await opened.goto(`${daemon.url}/?name=${encodeURIComponent(name)}#${page}`);
    await isConnected(opened);
    return opened;
  }

  async close() {
    await this.chromium.close();
  }
}

export const connection = (page) => page.getByRole('status', { name: 'Connection' });
export const activity = (page) => page.getByRole('list', { name: 'Activity' });
export const online = (page, count) => page.getByText(`${count} online`, { exact: true });
export const picture = (page, name) => page.screenshot({ path: `${kPictures}/${name}.png` });

export async function isConnected(page) {
  await connection(page).filter({ hasText: 'Online' }).waitFor();
}

export async function isReconnecting(page) {
  await connection(page).filter({ hasText: 'Reconnecting' }).waitFor();
}

/** Goes to another page of the demo, by its link. */
export async function go(page, title) {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: title }).click();
}

/** Shows another part of the page, on a narrow screen. */
export async function show(page, view) {
  await page.getByRole('navigation', { name: 'Views' }).getByRole('button', { name: view }).click();
}

export async function until(condition, what) {
  const deadline = Date.now() + kTimeout;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** `expected`: with the letters of their avatars, in order, such as `A ana you`. */
export async function hasMembers(page, expected) {
  const items = page.getByRole('list', { name: 'Members' }).getByRole('listitem');
  const names = async () => (await items.allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim()).sort();
  await until(async () => (await names()).join() === expected.join(), `the members are ${expected}`);
}

export async function fits(page) {
  return page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
}

/** Posts as the page shows it: by a child process, no library of ours. */
export async function curl(daemon, path, body) {
  const args = ['-sS', '--fail-with-body', '-H', 'Content-Type: application/json', '-d', JSON.stringify(body)];
  const { stdout } = await promisify(execFile)('curl', [...args, daemon.url + path]);
  return JSON.parse(stdout);
}
