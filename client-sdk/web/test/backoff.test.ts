import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Backoff } from '../src/backoff.js';

const { now } = Date;
const { random } = Math;

afterEach(() => {
  Date.now = now;
  Math.random = random;
});

test('waits for a random part of an interval that doubles, until something has lasted', () => {
  let time = 1_000_000;
  Date.now = () => time;
  Math.random = () => 0.5;
  const backoff = new Backoff({ min: 100, max: 500 });
  const next = () => backoff.next();
  assert.deepEqual([next(), next(), next(), next(), next()], [50, 100, 200, 250, 250]);
  backoff.succeed();
  time += 9_999;
  assert.equal(next(), 250);
  backoff.succeed();
  time += 10_000;
  assert.deepEqual([next(), next()], [50, 100]);
});
