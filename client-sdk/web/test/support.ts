import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { AtriumClient, AtriumError, type ClientOptions } from '../src/index.js';
import type { FakeServer } from './fake_server.js';

/** A client of `server` that does not wait long. */
export function clientOf(server: FakeServer, options: Partial<ClientOptions> = {}): AtriumClient {
  return new AtriumClient({
    url: server.url,
    token: 'ana',
    webSocket: WebSocket as unknown as typeof globalThis.WebSocket,
    backoff: { min: 10, max: 40 },
    requestTimeout: 2000,
    ...options,
  });
}

/** `request` without its key, which is another each time. */
export function withoutKey<Request extends { idempotencyKey?: string }>(request: Request): object {
  const { idempotencyKey, ...rest } = request;
  assert.match(idempotencyKey ?? '', /^[0-9a-f]{32}$/);
  return rest;
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function refusal(promise: Promise<unknown>): Promise<AtriumError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof AtriumError);
    return error;
  }
  assert.fail('expected a refusal');
}
