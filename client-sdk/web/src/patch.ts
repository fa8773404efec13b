import type { Json, JsonObject, PatchOperation } from './protocol.js';

/**
 * The document after an RFC 6902 patch of `add`, `remove` and `replace`. What the patch does not touch is shared
 * with `document`, which stays as it was. Throws if an operation does not fit the document.
 */
export function applyPatch(document: Json, operations: readonly PatchOperation[]): Json {
  return operations.reduce((result, operation) => applyOperation(result, operation), document);
}

function applyOperation(document: Json, operation: PatchOperation): Json {
  const tokens = parsePointer(operation.path);
  if (tokens.length === 0) {
    return operation.op === 'remove' ? null : (operation.value ?? null);
  }
  return change(document, tokens, 0, operation);
}

/** The tokens of an RFC 6901 pointer. */
export function parsePointer(pointer: string): string[] {
  if (pointer === '') {
    return [];
  }
  if (!pointer.startsWith('/')) {
    throw new Error(`not a JSON pointer: ${pointer}`);
  }
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replace(/~1/g, '/').replace(/~0/g, '~'));
}

// A copy of `node` in which the value at tokens[depth...] is changed.
function change(node: Json, tokens: readonly string[], depth: number, operation: PatchOperation): Json {
  if (Array.isArray(node)) {
    return changeList(node, tokens, depth, operation);
  }
  if (node !== null && typeof node === 'object') {
    return changeObject(node, tokens, depth, operation);
  }
  throw misfit(operation);
}

function changeObject(node: JsonObject, tokens: readonly string[], depth: number, operation: PatchOperation): Json {
  const key = tokens[depth]!;
  const last = depth + 1 === tokens.length;
  if (!Object.prototype.hasOwnProperty.call(node, key) && !(last && operation.op === 'add')) {
    throw misfit(operation);
  }
  const copy = { ...node };
  if (last && operation.op === 'remove') {
    delete copy[key];
    return copy;
  }
  const value = last ? valueOf(operation) : change(node[key]!, tokens, depth + 1, operation);
  // Not by assignment: a key may be called __proto__.
  Object.defineProperty(copy, key, { value, writable: true, enumerable: true, configurable: true });
  return copy;
}

function changeList(node: Json[], tokens: readonly string[], depth: number, operation: PatchOperation): Json {
  const token = tokens[depth]!;
  const last = depth + 1 === tokens.length;
  const appends = last && operation.op === 'add';
  const index = token === '-' && appends ? node.length : parseIndex(token, operation);
  if (index > node.length || (index === node.length && !appends)) {
    throw misfit(operation);
  }
  const copy = node.slice();
  if (!last) {
    copy[index] = change(node[index]!, tokens, depth + 1, operation);
  } else if (operation.op === 'remove') {
    copy.splice(index, 1);
  } else {
    copy.splice(index, operation.op === 'replace' ? 1 : 0, valueOf(operation));
  }
  return copy;
}

function parseIndex(token: string, operation: PatchOperation): number {
  if (!/^(0|[1-9][0-9]*)$/.test(token)) {
    throw misfit(operation);
  }
  return Number(token);
}

function valueOf(operation: PatchOperation): Json {
  if (operation.op !== 'add' && operation.op !== 'replace') {
    throw misfit(operation);
  }
  return operation.value ?? null;
}

function misfit(operation: PatchOperation): Error {
  return new Error(`patch does not fit: ${operation.op} ${operation.path}`);
}
