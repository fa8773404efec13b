import { AtriumError, Code } from './error.js';
import type { Position, Replies, Requests, RoomEvent } from './protocol.js';

/** How much may wait for its acknowledgement. */
export interface QueueLimits {
  requests: number;
  /** Characters of their JSON, all together. */
  size: number;
}

/** The requests that the server does once, however often they come with the same key. */
export type Repeatable = 'emit' | 'call' | 'setState';

/** The room of a request. */
export interface Target {
  readonly id: string;
  readonly joined: boolean;
  readonly position: Position;
}

export interface PendingLink {
  /** Undefined unless online. */
  readonly session: { sessionId: string; userId: string } | undefined;
  /** Calls one of the two, before any frame that the server sent after its reply is passed on; none when offline. */
  call<Name extends keyof Replies>(
    name: Name,
    request: Requests[Name],
    succeed: (result: Replies[Name]) => void,
    fail: (error: AtriumError) => void,
  ): void;
}

interface Entry {
  name: Repeatable;
  room: Target;
  request: Requests[Repeatable];
  size: number;
  underWay: boolean;
  /** It had to wait, or its connection was lost. */
  kept: boolean;
  tries: number;
  /** When and as whom it was sent first: the server may have done it since. */
  first?: { time: number; sessionId: string; userId: string; epoch: string };
  /** The event has come back to this client, which had asked for that. */
  echoed: boolean;
  succeed(result: never): void;
  fail(error: AtriumError): void;
}

// The server knows a key for 5 minutes.
const kKeyAge = 4 * 60_000;
// A request that each connection ends with may well be the reason.
const kTries = 8;
// Those that were kept go out so many at once, and then so many milliseconds later the next: a server takes 50 requests
// each second, unless it was told otherwise. If that is too fast for it, they go one by one, to keep their order.
const kBurst = 40;
const kPause = 1000;

/** What is to be done in rooms, in the order asked for, until the server has acknowledged it. */
export class Pending {
  private entries: Entry[] = [];
  private size = 0;
  private pause: ReturnType<typeof setTimeout> | undefined;
  private burst = 0;
  private oneByOne = false;

  constructor(
    private readonly link: PendingLink,
    private readonly limits: QueueLimits,
  ) {}

  /** Resolves when the server has done it; fails with RESOURCE_EXHAUSTED, QUEUE_FULL when too much waits already. */
  add<Name extends Repeatable>(name: Name, room: Target, body: Requests[Name]): Promise<Replies[Name]> {
    const text = JSON.stringify({ ...body, idempotencyKey: newIdempotencyKey() });
    if (this.entries.length >= this.limits.requests || this.size + text.length > this.limits.size) {
      const error = new AtriumError(Code.RESOURCE_EXHAUSTED, 'QUEUE_FULL', 'Too much waits to be acknowledged.');
      return Promise.reject(error);
    }
    return new Promise((succeed, fail) => {
      const entry: Entry = {
        name,
        room,
        request: JSON.parse(text) as Requests[Name], // As it is now.
        size: text.length,
        underWay: false,
        kept: false,
        tries: 0,
        echoed: false,
        succeed,
        fail,
      };
      this.entries.push(entry);
      this.size += entry.size;
      this.flush();
      entry.kept = !entry.underWay;
    });
  }

  /** Sends what can be sent now: there is a connection, or a room was joined again. */
  flush(): void {
    let underWay = this.entries.filter((entry) => entry.underWay).length;
    for (const entry of [...this.entries]) {
      const { session } = this.link;
      if (!session || this.pause !== undefined) {
        return;
      }
      if (entry.underWay || !entry.room.joined) {
        continue;
      }
      if (!this.isSafe(entry, session)) {
        this.remove(entry).fail(maybeDone(entry.name));
        continue;
      }
      if (entry.kept && this.oneByOne && underWay > 0) {
        return;
      }
      if (entry.kept && this.burst++ === kBurst) {
        this.rest();
        return;
      }
      this.send(entry, session);
      underWay++;
    }
    this.burst = 0;
    this.oneByOne = false;
  }

  /** This client is not in the room any more: nothing that waits for it will be sent. */
  drop(room: Target): void {
    for (const entry of this.entries.filter((each) => each.room === room && !each.underWay)) {
      this.remove(entry).fail(entry.first ? maybeDone(entry.name) : notJoined(room.id));
    }
  }

  finish(error: AtriumError): void {
    clearTimeout(this.pause);
    for (const entry of [...this.entries]) {
      this.remove(entry).fail(error);
    }
  }

  /** Whether an event that an earlier session of this client emitted was to come back to it. Once for each emit. */
  takeEcho(event: RoomEvent): boolean {
    const entry = this.entries.find(({ name, request, first, echoed }) => {
      const emit = request as Requests['emit'];
      const isIt = name === 'emit' && emit.roomId === event.roomId && emit.event === event.event;
      return isIt && emit.includeSelf === true && first && !echoed;
    });
    if (entry) {
      entry.echoed = true;
    }
    return entry !== undefined;
  }

  // The server knows a key by its user, or without one by the session, in one history of the room.
  private isSafe({ first, tries, room }: Entry, { userId, sessionId }: { userId: string; sessionId: string }): boolean {
    if (!first) {
      return true;
    }
    const isSame = first.userId === userId && (userId !== '' || first.sessionId === sessionId);
    return isSame && first.epoch === room.position.epoch && Date.now() - first.time < kKeyAge && tries < kTries;
  }

  private send(entry: Entry, session: { sessionId: string; userId: string }): void {
    const { sessionId, userId } = session;
    entry.first ??= { time: Date.now(), sessionId, userId, epoch: entry.room.position.epoch };
    entry.underWay = true;
    entry.tries++;
    this.link.call(
      entry.name,
      entry.request as Requests['emit'],
      (result) => {
        this.remove(entry).succeed(result as never);
        this.flush();
      },
      (error) => {
        entry.underWay = false;
        if (error.reason === 'NOT_CONNECTED' && --entry.tries === 0) {
          delete entry.first; // The server has never seen it.
        }
        const tooFast = error.reason === 'RATE_LIMITED' && entry.kept;
        if (tooFast) {
          this.oneByOne = true;
          this.rest();
        } else if (!error.isLoss) {
          this.remove(entry).fail(error);
          this.flush();
        }
        entry.kept = true;
      },
    );
  }

  private rest(): void {
    this.pause ??= setTimeout(() => {
      this.pause = undefined;
      this.burst = 0;
      this.flush();
    }, kPause);
  }

  private remove(entry: Entry): Entry {
    const index = this.entries.indexOf(entry);
    if (index >= 0) {
      this.entries.splice(index, 1);
      this.size -= entry.size;
    }
    return entry;
  }
}

function maybeDone(name: Repeatable): AtriumError {
  const message = `The connection was lost, and whether the server has done the ${name} cannot be told.`;
  return new AtriumError(Code.UNAVAILABLE, 'CONNECTION_LOST', message);
}

export function notJoined(roomId: string): AtriumError {
  return new AtriumError(Code.UNAVAILABLE, 'NOT_JOINED', `Not in the room ${roomId} at the moment.`);
}

/** 128 random bits, as text. `crypto.randomUUID` is not there on a page that came without TLS. */
export function newIdempotencyKey(): string {
  const random = new Uint32Array(4);
  if (typeof crypto === 'undefined') {
    random.forEach((_, index) => (random[index] = Math.random() * 2 ** 32));
  } else {
    crypto.getRandomValues(random);
  }
  return [...random].map((part) => part.toString(16).padStart(8, '0')).join('');
}
