import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventStream } from '../src/event_stream.js';

const text = [
  ': a comment',
  'retry: 2000',
  'id: e1:4',
  'data: {"a":1}',
  '',
  'data:{"b":',
  'data: 2}',
  '',
  'id: no data',
  '',
  'event: other',
  'id',
  'data',
  '',
  'id: nul\0',
  'data:  two: colons',
  '',
  'data: unfinished',
].join('\n');

const messages = [
  { data: '{"a":1}', id: 'e1:4' },
  { data: '{"b":\n2}', id: 'e1:4' },
  { data: '', id: '' },
  { data: ' two: colons', id: '' },
];

for (const end of ['\n', '\r\n', '\r']) {
  for (const size of [1, 2, 3, 1000]) {
    test(`reads a stream with ${JSON.stringify(end)} in pieces of ${size}`, () => {
      const whole = text.replace(/\n/g, end);
      const stream = new EventStream('');
      const seen = [];
      for (let at = 0; at < whole.length; at += size) {
        seen.push(...stream.push(whole.slice(at, at + size)));
      }
      assert.deepEqual(seen, messages);
    });
  }
}

test('goes on from an id', () => {
  assert.deepEqual(new EventStream('e1:9').push('data: x\n\n'), [{ data: 'x', id: 'e1:9' }]);
});
