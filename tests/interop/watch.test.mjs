// Watch through @grpc/grpc-js, as a browser's EventSource reads it (by hand: Node 18 has none), and as lines of JSON.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from './clients.mjs';
import { Daemon } from './daemon.mjs';
import { fromValue, grpc, RoomService } from './protos.mjs';
import { rest } from './rest.mjs';

let daemon;
let call;
const opened = [];

before(async () => {
  daemon = await Daemon.start();
  call = rest(daemon.url);
});

after(async () => {
  opened.forEach((each) => each.close());
  assert.equal(await daemon?.stop(), 0);
});

/** What an EventSource does, by the rules of the HTML standard: comes back by itself with the last id. */
class EventReader {
  messages = [];
  lastEventId = '';
  connections = 0;
  retry = 5000;
  stop = new AbortController();

  constructor(url) {
    opened.push(this);
    this.done = this.run(url).catch((error) => {
      if (!this.stop.signal.aborted) {
        this.error = error;
      }
    });
  }

  async run(url) {
    while (!this.stop.signal.aborted) {
      this.connection = new AbortController();
      const headers = { accept: 'text/event-stream', 'cache-control': 'no-cache' };
      if (this.lastEventId) {
        headers['last-event-id'] = this.lastEventId;
      }
      this.connections += 1;
      try {
        const response = await fetch(url, { headers, signal: this.connection.signal });
        assert.equal(response.status, 200);
        assert.equal(response.headers.get('content-type'), 'text/event-stream');
        await this.read(response.body);
      } catch (error) {
        if (!this.connection.signal.aborted) {
          throw error;
        }
      }
    }
  }

  async read(body) {
    let text = '';
    for await (const bytes of body) {
      text += Buffer.from(bytes).toString();
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        this.take(text.slice(0, end).split('\n'));
        text = text.slice(end + 2);
        if (this.connection.signal.aborted) {
          return;
        }
      }
    }
  }

  take(lines) {
    const data = [];
    for (const line of lines.filter((each) => !each.startsWith(':'))) {
      const [, field, value] = /^([^:]*): ?(.*)$/.exec(line);
      if (field === 'data') {
        data.push(value);
      } else if (field === 'id') {
        this.lastEventId = value;
      } else if (field === 'retry') {
        this.retry = Number(value);
      } else {
        assert.fail(`unknown field: ${line}`);
      }
    }
    if (data.length > 0) {
      this.messages.push(JSON.parse(data.join('\n')));
    }
  }

  /** Loses the connection. */
  cut() {
    this.connection.abort();
  }

  close() {
    this.stop.abort();
    this.connection?.abort();
  }

  events() {
    return this.messages.filter(({ event }) => event).map(({ event }) => event);
  }
}

test('an event source sees the room and what happens in it', async () => {
  await call('PATCH', '/api/rooms/news/state', { topic: 'x' });
  const reader = new EventReader(`${daemon.url}/api/rooms/news/events`);
  await until(() => reader.messages.length === 1, 'the snapshot');
  const { snapshot } = reader.messages[0];
  assert.deepEqual([snapshot.room.id, snapshot.state, snapshot.recovered], ['news', { topic: 'x' }, undefined]);
  assert.equal(reader.lastEventId, `${snapshot.position.epoch}:${snapshot.position.offset}`);
  assert.equal(reader.retry, 2000);
  const { position } = await call('POST', '/api/rooms/news/emit', { event: 'deploy', data: { text: 'olá\n✓' } });
  await until(() => reader.messages.length === 2, 'the event');
  const { event } = reader.messages[1];
  assert.deepEqual([event.event, event.data, event.offset], ['deploy', { text: 'olá\n✓' }, position.offset]);
  assert.equal(reader.lastEventId, `${position.epoch}:${position.offset}`);
});

test('an event source that loses its connection again and again misses nothing and sees nothing twice', async () => {
  const reader = new EventReader(`${daemon.url}/api/rooms/busy/events`);
  await until(() => reader.messages.length === 1, 'the snapshot');
  const emitters = [0, 1, 2].map(async (from) => {
    for (let n = 0; n < 100; n++) {
      await call('POST', '/api/rooms/busy/emit', { event: 'tick', data: { from, n } });
    }
  });
  const cutter = setInterval(() => reader.cut(), 20);
  await Promise.all(emitters);
  clearInterval(cutter);
  await until(() => reader.events().length >= 300, 'all events');
  assert.deepEqual(
    reader.events().map(({ offset }) => Number(offset)),
    Array.from({ length: 300 }, (_, i) => i + 1),
  );
  assert.ok(reader.connections > 3, `${reader.connections} connections`);
  assert.ok(
    reader.messages.slice(1).every(({ snapshot }) => !snapshot || snapshot.recovered),
    'each time it went on from where it was',
  );
  assert.equal(reader.error, undefined);
});

test('without an Accept each frame is a line of JSON', async () => {
  const stop = new AbortController();
  const response = await fetch(`${daemon.url}/api/rooms/lines/events`, { signal: stop.signal });
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson');
  let text = '';
  const reading = (async () => {
    for await (const bytes of response.body) {
      text += Buffer.from(bytes).toString();
    }
  })();
  await until(() => text.endsWith('\n'), 'the snapshot');
  await call('POST', '/api/rooms/lines/emit', { event: 'a', data: 1 });
  await call('DELETE', '/api/rooms/lines');
  await reading;
  const frames = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    frames.map((frame) => Object.keys(frame)[0]),
    ['snapshot', 'event', 'left'],
  );
  assert.deepEqual(frames[2].left, { roomId: 'lines', reason: 'LEAVE_REASON_CLEANUP' });
});

test('Watch over gRPC, from a position too', async () => {
  const client = new RoomService(daemon.grpc, grpc.credentials.createInsecure());
  opened.push(client);
  const watch = (request) => {
    const seen = { frames: [] };
    const stream = client.watch(request);
    stream.on('data', ({ frames }) => seen.frames.push(...frames));
    stream.on('error', (error) => (seen.error = error));
    stream.on('end', () => (seen.ended = true));
    seen.cancel = () => stream.cancel();
    return seen;
  };
  const first = watch({ roomId: 'rpc' });
  await until(() => first.frames.length === 1, 'the snapshot');
  const { position, recovered } = first.frames[0].snapshot;
  assert.equal(recovered, false);
  await call('POST', '/api/rooms/rpc/emit', { event: 'one', data: { n: [1] } });
  await until(() => first.frames.length === 2, 'the event');
  assert.deepEqual(fromValue(first.frames[1].event.data), { n: [1] });
  first.cancel();
  await until(() => first.error, 'the end');
  assert.equal(first.error.code, grpc.status.CANCELLED);

  const second = watch({ roomId: 'rpc', since: position });
  await until(() => second.frames.length === 2, 'what was missed');
  assert.equal(second.frames[0].snapshot.recovered, true);
  assert.equal(second.frames[1].event.event, 'one');
  await call('DELETE', '/api/rooms/rpc');
  await until(() => second.ended, 'the end');
  assert.equal(second.frames.at(-1).left.reason, 'LEAVE_REASON_CLEANUP');

  const refused = watch({ roomId: 'no spaces' });
  await until(() => refused.error, 'the refusal');
  assert.equal(refused.error.code, grpc.status.INVALID_ARGUMENT);
});
