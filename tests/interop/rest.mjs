import assert from 'node:assert/strict';
import { readJsonStatus } from './protos.mjs';
import { Refusal } from './clients.mjs';

/** `rest(daemon.url)('POST', '/api/rooms/a/emit', {...})`: the JSON of the answer, or a Refusal with its `status`. */
export function rest(url) {
  return async (method, path, body) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(url + path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/, `${method} ${path}`);
    const answer = await response.json();
    if (!response.ok) {
      throw Object.assign(new Refusal(readJsonStatus(answer)), { status: response.status });
    }
    return answer;
  };
}
