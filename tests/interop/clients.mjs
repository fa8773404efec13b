// A session over each door, all with the same face.
import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import {
  decode,
  encode,
  fromValue,
  grpc,
  readJsonStatus,
  readStatus,
  RoomService,
  SessionService,
  toValue,
} from './protos.mjs';

const kTimeout = 10_000;

/** A request that the server refused. */
export class Refusal extends Error {
  constructor(status) {
    super(status.message);
    Object.assign(this, status);
  }
}

/** Waits until `condition()` is truthy, and returns that. */
export async function until(condition, what) {
  const deadline = Date.now() + kTimeout;
  for (;;) {
    const result = condition();
    if (result) {
      return result;
    }
    assert.ok(Date.now() < deadline, `timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The refusal that `promise` fails with. */
export async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof Refusal, String(error));
    return error;
  }
  assert.fail('expected a refusal');
}

/** What the sessions share: requests and their replies, and what was pushed. Frames are as in JSON. */
class Session {
  /** What was pushed, in order: `{event: {...}}`, `{patch: {...}}` and so on. */
  frames = [];
  ended = false;
  replies = new Map();
  lastId = 0;

  async hello(token, client = 'interop') {
    this.send([{ id: ++this.lastId, hello: { token, client } }]);
    this.welcome = await until(() => this.welcomed, 'welcome');
    this.id = this.welcome.sessionId;
    return this;
  }

  /** The result of a request, or a Refusal. */
  async request(name, body) {
    const [result] = await this.requests([{ [name]: body }]);
    if (result instanceof Refusal) {
      throw result;
    }
    return result;
  }

  /** Sends all at once, in one message where the door has batches; the results, of which some may be Refusals. */
  async requests(bodies) {
    const frames = bodies.map((body) => ({ id: ++this.lastId, ...body }));
    this.send(frames);
    const names = bodies.map((body) => Object.keys(body)[0]);
    return Promise.all(
      frames.map(async ({ id }, index) => {
        const reply = await until(() => this.replies.get(id), `reply ${id} to ${names[index]}`);
        return reply.error ? new Refusal(this.readError(reply.error)) : reply[names[index]];
      }),
    );
  }

  receive(frame) {
    if (frame.welcome) {
      this.welcomed = frame.welcome;
    } else if (frame.reply) {
      this.replies.set(frame.reply.id ?? 0, frame.reply);
    } else {
      this.frames.push(frame);
    }
  }

  /** The first pushed frame of `kind` for which `matches` holds. */
  async pushed(kind, matches = () => true) {
    return until(() => this.frames.find((frame) => frame[kind] && matches(frame[kind])), `a ${kind} is pushed`).then(
      (frame) => frame[kind],
    );
  }

  /** `[offset, event, data, user]` of the room's events so far. */
  events(roomId) {
    return this.frames
      .filter(({ event }) => event?.roomId === roomId)
      .map(({ event }) => [event.offset, event.event, event.data ?? null, event.senderUserId ?? '']);
  }
}

export class JsonSession extends Session {
  static async open(url, token) {
    const session = new JsonSession();
    session.socket = await openSocket(url, 'atrium.v1.json', session);
    session.socket.on('message', (data, isBinary) => {
      assert.equal(isBinary, false);
      session.receive(JSON.parse(String(data)));
    });
    return session.hello(token);
  }

  send(frames) {
    frames.forEach((frame) => this.socket.send(JSON.stringify(frame)));
  }

  close() {
    this.socket.close(1000);
  }

  readError(status) {
    return readJsonStatus(status);
  }
}

export class ProtoSession extends Session {
  static async open(url, token) {
    const session = new ProtoSession();
    session.socket = await openSocket(url, 'atrium.v1.proto', session);
    session.socket.on('message', (data, isBinary) => {
      assert.equal(isBinary, true);
      session.receive(plainServerFrame(decode('atrium.v1.ServerFrame', data)));
    });
    return session.hello(token);
  }

  send(frames) {
    frames.forEach((frame) => this.socket.send(encode('atrium.v1.ClientFrame', protoClientFrame(frame))));
  }

  close() {
    this.socket.close(1000);
  }

  readError(status) {
    return readStatus(status);
  }
}

export class StreamSession extends Session {
  static async open(address, token) {
    const session = new StreamSession();
    session.client = new SessionService(address, grpc.credentials.createInsecure());
    session.stream = session.client.connect();
    session.stream.on('data', ({ frames }) => {
      frames.forEach((frame) => session.receive(plainServerFrame(withoutDefaults(frame))));
    });
    session.stream.on('error', (error) => (session.error = error));
    session.stream.on('status', (status) => {
      session.status = status;
      session.ended = true;
      session.client.close();
    });
    return session.hello(token);
  }

  send(frames) {
    this.stream.write({ frames: frames.map(protoClientFrame) });
  }

  /** Half-closes. */
  close() {
    this.stream.end();
  }

  readError(status) {
    return readStatus(status);
  }
}

async function openSocket(url, subprotocol, session) {
  const socket = new WebSocket(url, subprotocol);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  assert.equal(socket.protocol, subprotocol);
  socket.on('close', (code, reason) => {
    session.ended = true;
    session.closeCode = code;
    session.closeReason = String(reason);
  });
  return socket;
}

/** Unary calls of both services: `rooms.emit({...}, metadata)` is a promise, and fails with a Refusal. */
export function connectServices(address) {
  const credentials = grpc.credentials.createInsecure();
  const rooms = new RoomService(address, credentials);
  const sessions = new SessionService(address, credentials);
  const promised = (client) =>
    new Proxy(client, {
      get: (target, method) => (request, metadata = new grpc.Metadata()) =>
        new Promise((resolve, reject) => {
          const deadline = Date.now() + kTimeout;
          target[method](request, metadata, { deadline }, (error, response) =>
            error ? reject(refusalOf(error)) : resolve(response),
          );
        }),
    });
  return {
    rooms: promised(rooms),
    sessions: promised(sessions),
    close: () => [rooms, sessions].forEach((client) => client.close()),
  };
}

function refusalOf(error) {
  const [details] = error.metadata?.get('grpc-status-details-bin') ?? [];
  const status = details ? readStatus(decode('google.rpc.Status', details)) : {};
  return new Refusal({ ...status, code: error.code, message: error.details });
}

// Values of requests, where a frame of JSON has plain JSON.
const kValues = { join: ['payload', 'initialState'], emit: ['data'], setState: ['state'] };

function protoClientFrame(frame) {
  const [name] = Object.keys(frame).filter((key) => key !== 'id');
  const body = { ...frame[name] };
  for (const key of kValues[name] ?? []) {
    if (key in body) {
      body[key] = toValue(body[key]);
    }
  }
  return { id: frame.id, [name]: body };
}

function plainServerFrame(frame) {
  const { event, patch, snapshot, reply } = frame;
  if (event?.data) {
    event.data = fromValue(event.data);
  }
  if (event?.time) {
    event.time = timeOf(event.time);
  }
  for (const operation of patch?.operations ?? []) {
    if (operation.value) {
      operation.value = fromValue(operation.value);
    }
  }
  for (const body of [snapshot, reply?.join, reply?.getState]) {
    if (body?.state) {
      body.state = fromValue(body.state);
    }
  }
  return frame;
}

function timeOf({ seconds = 0, nanos = 0 }) {
  return new Date(Number(seconds) * 1000 + nanos / 1e6).toISOString();
}

// Of a frame that proto-loader read: without what was not set, as on the other doors.
function withoutDefaults(value) {
  if (Array.isArray(value)) {
    return value.map(withoutDefaults);
  }
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) {
    return value;
  }
  const isValue = ['nullValue', 'structValue', 'listValue', 'stringValue', 'numberValue', 'boolValue'].includes(
    value.kind,
  );
  const entries = Object.entries(value).filter(([key, each]) => {
    const isOneofName =
      ['kind', 'frame', 'request', 'result'].includes(key) && typeof each === 'string' && each in value;
    const isZero = each === null || each === '' || each === 0 || each === '0' || each === false;
    return !isOneofName && (isValue || !(isZero || (Array.isArray(each) && each.length === 0)));
  });
  return Object.fromEntries(entries.map(([key, each]) => [key, withoutDefaults(each)]));
}
