import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyPatch, type Json, type PatchOperation } from '../src/index.js';

const cases: [string, Json, PatchOperation[], Json][] = [
  ['add to an object', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
  ['add over a key', { a: 1 }, [{ op: 'add', path: '/a', value: 2 }], { a: 2 }],
  ['add without a value is null', {}, [{ op: 'add', path: '/a' }], { a: null }],
  ['insert into a list', [1, 3], [{ op: 'add', path: '/1', value: 2 }], [1, 2, 3]],
  ['insert at the end by index', [1], [{ op: 'add', path: '/1', value: 2 }], [1, 2]],
  ['append', { l: [1] }, [{ op: 'add', path: '/l/-', value: 2 }], { l: [1, 2] }],
  ['drop the front', { l: [1, 2] }, [{ op: 'remove', path: '/l/0' }], { l: [2] }],
  ['replace in a list of lists', [[1], [2]], [{ op: 'replace', path: '/1/0', value: 3 }], [[1], [3]]],
  ['replace the whole', { a: 1 }, [{ op: 'replace', path: '', value: [1] }], [1]],
  ['the empty key', { '': 1 }, [{ op: 'replace', path: '/', value: 2 }], { '': 2 }],
  [
    'escapes',
    { 'a/b': 1, '~1': 2 },
    [
      { op: 'remove', path: '/a~1b' },
      { op: 'remove', path: '/~01' },
    ],
    {},
  ],
];

for (const [name, before, operations, after] of cases) {
  test(name, () => assert.deepEqual(applyPatch(before, operations), after));
}

test('a key called __proto__ is a key', () => {
  const result = applyPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: true } }]) as object;
  assert.ok(Object.prototype.hasOwnProperty.call(result, '__proto__'));
  assert.equal('polluted' in result, false);
});

const misfits: [string, Json, PatchOperation][] = [
  ['a missing parent', {}, { op: 'add', path: '/a/b', value: 1 }],
  ['a missing key to replace', {}, { op: 'replace', path: '/a', value: 1 }],
  ['a missing key to remove', {}, { op: 'remove', path: '/a' }],
  ['an inherited name', {}, { op: 'remove', path: '/toString' }],
  ['an index past the end', [1], { op: 'add', path: '/2', value: 1 }],
  ['an index with a leading zero', [1, 2], { op: 'remove', path: '/01' }],
  ['a step into a text', { a: 'b' }, { op: 'add', path: '/a/0', value: 1 }],
  ['an unknown operation', { a: 1 }, { op: 'move', path: '/a' }],
  ['a path without a slash', { a: 1 }, { op: 'remove', path: 'a' }],
];

for (const [name, document, operation] of misfits) {
  test(`refuses ${name}`, () => assert.throws(() => applyPatch(document, [operation])));
}
