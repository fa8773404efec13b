import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Budget } from '../src/budget.js';
import type { AtriumClient } from '../src/index.js';
import { FakeServer } from './fake_server.js';
import { clientOf, refusal, until } from './support.js';

/** How many requests it grants at this moment. */
function granted(budget: Budget): number {
  let count = 0;
  while (count < 10_000 && budget.take() === 0) {
    count++;
  }
  return count;
}

test('a budget is a little less than what the server grants, at once and in the long run', () => {
  let now = 1_000_000;
  const clock = mock.method(Date, 'now', () => now);
  try {
    const budget = new Budget();
    assert.equal(granted(budget), 10_000, 'without a word of the server there is no limit');
    budget.tell(50, 200, true);
    assert.equal(granted(budget), 180);
    const wait = budget.take();
    now += wait - 1;
    assert.ok(budget.take() > 0);
    now += 1;
    assert.equal(granted(budget), 1);
    now += 10_000;
    assert.equal(granted(budget), 180, 'it does not grow beyond the burst');
    now += 2000;
    assert.equal(granted(budget), 90);
    now -= 3_600_000;
    assert.ok(budget.take() > 0, 'a clock that was set back gives nothing');
    now += 1000;
    assert.equal(granted(budget), 45);

    budget.tell(50, 200, false);
    assert.equal(granted(budget), 0, 'a session that goes on has used its budget');
    budget.tell(50, 200, true);
    assert.equal(granted(budget), 180);
    budget.tell(0, 0, true);
    assert.equal(granted(budget), 10_000);
  } finally {
    clock.mock.restore();
  }
});

let server: FakeServer;
let client: AtriumClient;

beforeEach(async () => {
  server = new FakeServer();
  await server.start();
  client = clientOf(server, { requestTimeout: 300 });
});

afterEach(async () => {
  client.close();
  await server.stop();
});

test('requests wait for the budget, in their order, and no time-out counts meanwhile', async () => {
  server.welcome = { requestRate: 20, requestBurst: 10 };
  const room = await client.join('geral');
  const came: { event: string; at: number }[] = [];
  server.onRequest = ({ id, emit }) => {
    came.push({ event: emit.event, at: Date.now() });
    server.push({ reply: { id, emit: { success: true } } });
  };
  const events = Array.from({ length: 20 }, (_, i) => `e${i}`);
  const begun = Date.now();
  const emits = events.map((event) => room.emit(event));
  const volatile = room.emit('last', null, { volatile: true });
  await Promise.all([...emits, volatile]);
  assert.deepEqual(came.map(({ event }) => event), [...events, 'last']);
  // The server's bucket holds 10 and gets 20 each second; a join was taken out of it.
  came.forEach(({ at }, i) => assert.ok(i + 2 <= 10 + (20 * (at - begun + 5)) / 1000, `${i} came at ${at - begun}`));
  assert.ok(Date.now() - begun >= 600, 'longer than a request may take');
});

test('what waits for the budget when the connection is lost was never sent', async () => {
  server.welcome = { requestRate: 1, requestBurst: 3 };
  client.close();
  client = clientOf(server, { token: '' }); // Without a user id nothing may be sent twice in another session.
  const room = await client.join('geral');
  const came: string[] = [];
  server.onRequest = ({ id, emit }) => {
    came.push(emit.event);
    if (came.length > 1) {
      server.push({ reply: { id, emit: { success: true } } });
    }
  };
  const sent = room.emit('sent');
  const waits = room.emit('waits');
  const once = room.emit('once', null, { volatile: true });
  await until(() => came.length === 1, 'one came');
  server.last.terminate();
  assert.equal((await refusal(once)).reason, 'NOT_CONNECTED');
  assert.equal((await refusal(sent)).reason, 'CONNECTION_LOST');
  await waits;
  assert.deepEqual(came, ['sent', 'waits']);
});

test('as many rooms as a session may have are joined at once', async () => {
  server.welcome = { requestRate: 50, requestBurst: 200 };
  const begun = Date.now();
  await Promise.all(Array.from({ length: 128 }, (_, i) => client.join(`r${i}`)));
  assert.equal(server.joins.length, 128);
  assert.ok(Date.now() - begun < 1000);
});
