import type { Budget } from './budget.js';
import { AtriumError, Code } from './error.js';
import {
  milliseconds,
  SUBPROTOCOL,
  type Goodbye,
  type Replies,
  type Reply,
  type Requests,
  type ServerFrame,
  type Welcome,
} from './protocol.js';

export interface ConnectionOptions {
  url: string;
  /** Asked when the connection is open. */
  hello: () => Requests['hello'];
  /** Milliseconds. */
  requestTimeout: number;
  /** What may be asked now; the rest waits for its turn. */
  budget: Budget;
  webSocket: typeof WebSocket;
}

/** How a connection ended. */
export interface Ending {
  error: AtriumError;
  /** False when the server said not to come again. */
  retry: boolean;
  /** Milliseconds to wait at least before coming again. */
  wait: number;
  /** The session ends with it: there is nothing to resume. */
  isLeave?: boolean;
  /** A request was longer than the server reads. */
  tooBig?: boolean;
  /** The token has expired: another one is asked for. */
  expired?: boolean;
}

export interface ConnectionHandlers {
  onWelcome(welcome: Welcome): void;
  /** Everything that is pushed: no welcome, reply or goodbye. */
  onFrame(frame: ServerFrame): void;
  /** Once, and the last call; requests that were pending have failed by then. */
  onEnd(ending: Ending): void;
}

interface Call {
  id: number;
  name: keyof Replies;
  /** The frame. */
  text: string;
  succeed(result: never): void;
  fail(error: AtriumError): void;
}

interface Pending extends Call {
  timer: ReturnType<typeof setTimeout>;
}

// A loss, for the server: the session waits for its client.
const kLoss = 4000;
const kTooBig = 1009;
// The server did not get the hello in time: the network was slow, or this computer was asleep.
const kNoHello = 3502;
const kTokenExpired = 3006;

/** One WebSocket from its opening to its end: says hello, pairs replies with requests, passes on the rest. */
export class Connection {
  private readonly socket: WebSocket;
  private readonly pending = new Map<number, Pending>();
  // Those that the budget has no room for, in their order.
  private waiting: Call[] = [];
  private waitTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly welcomeTimer: ReturnType<typeof setTimeout>;
  private nextId = 1;
  private welcomed = false;
  private refusal: AtriumError | undefined;
  private ended = false;
  private heardAt = Date.now();
  private heardFrames = 0;

  constructor(
    private readonly options: ConnectionOptions,
    private readonly handlers: ConnectionHandlers,
  ) {
    this.socket = new options.webSocket(options.url, SUBPROTOCOL);
    this.socket.onopen = () => this.socket.send(frameOf(this.nextId++, 'hello', options.hello()));
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = (event) => this.end(endingOfClose(event.code, event.reason));
    this.socket.onerror = () => {}; // A close follows, always.
    this.welcomeTimer = setTimeout(() => this.end(lost('The server did not answer.')), options.requestTimeout);
  }

  /** Nothing comes or goes any more. */
  get isOver(): boolean {
    return this.ended;
  }

  /** Milliseconds since the server was last heard. The browser does not show its pings. */
  get silence(): number {
    return Date.now() - this.heardAt;
  }

  /**
   * Calls one of `succeed` and `fail`, before any frame that the server sent after its reply is passed on. It is sent
   * when the budget allows, as it is now, behind those that wait for that already.
   */
  call<Name extends keyof Replies>(
    name: Name,
    request: Requests[Name],
    succeed: (result: Replies[Name]) => void,
    fail: (error: AtriumError) => void,
  ): void {
    const id = this.nextId++;
    const text = frameOf(id, name, request);
    this.waiting.push({ id, name, text, succeed: succeed as (result: never) => void, fail });
    if (this.waitTimer === undefined) {
      this.sendWaiting();
    }
  }

  private sendWaiting(): void {
    this.waitTimer = undefined;
    while (this.waiting.length > 0) {
      const wait = this.options.budget.take();
      if (wait > 0) {
        this.waitTimer = setTimeout(() => this.sendWaiting(), wait);
        return;
      }
      this.sendNow(this.waiting.shift()!);
    }
  }

  private sendNow(call: Call): void {
    const { id, name, fail } = call;
    this.socket.send(call.text);
    const heard = this.heardFrames;
    const timer = setTimeout(() => {
      if (this.heardFrames === heard) {
        this.end(lost('The server has gone silent.'));
        return;
      }
      this.pending.delete(id);
      fail(
        new AtriumError(Code.DEADLINE_EXCEEDED, 'REQUEST_TIMEOUT', `The server did not answer the ${name} in time.`),
      );
    }, this.options.requestTimeout);
    this.pending.set(id, { ...call, timer });
  }

  /** Ends the session. */
  close(): void {
    this.end({ error: new AtriumError(Code.CANCELLED, 'CLOSED', 'The client was closed.'), retry: false, wait: 0 });
  }

  /** Ends the session, of a client that may come again. */
  leave(): void {
    this.end({ ...lost('The page was left.'), isLeave: true });
  }

  /** Ends the connection as if it had been lost. */
  abandon(why: string): void {
    this.end(lost(why));
  }

  private receive(data: unknown): void {
    if (this.ended) {
      return;
    }
    this.heardAt = Date.now();
    this.heardFrames++;
    let frame: ServerFrame;
    try {
      frame = JSON.parse(String(data)) as ServerFrame;
    } catch {
      this.end(lost('The server sent something that is not a frame.'));
      return;
    }
    if (frame.welcome) {
      this.welcomed = true;
      clearTimeout(this.welcomeTimer);
      this.handlers.onWelcome(frame.welcome);
    } else if (frame.reply) {
      this.receiveReply(frame.reply);
    } else if (frame.goodbye) {
      this.end(endingOfGoodbye(frame.goodbye));
    } else {
      this.handlers.onFrame(frame);
    }
  }

  private receiveReply(reply: Reply): void {
    if (reply.error && !this.welcomed) {
      const error = AtriumError.fromStatus(reply.error);
      if (error.code === Code.UNAUTHENTICATED) {
        this.refusal = error; // The goodbye tells whether to come again.
        return;
      }
      const refused = [3, 7].includes(error.code); // INVALID_ARGUMENT, PERMISSION_DENIED
      this.end({ error, retry: !refused, wait: 0 });
      return;
    }
    const pending = this.pending.get(reply.id ?? 0);
    if (!pending) {
      return;
    }
    this.pending.delete(reply.id ?? 0);
    clearTimeout(pending.timer);
    if (reply.error) {
      pending.fail(AtriumError.fromStatus(reply.error));
    } else {
      pending.succeed((reply[pending.name] ?? {}) as never);
    }
  }

  private end(ending: Ending): void {
    if (this.ended) {
      return;
    }
    this.ended = true;
    clearTimeout(this.welcomeTimer);
    clearTimeout(this.waitTimer);
    this.socket.close(ending.retry && !ending.isLeave ? kLoss : 1000);
    const pending = [...this.pending.values()];
    const waiting = this.waiting;
    this.pending.clear();
    this.waiting = [];
    // What the server could not take is not to be sent again: the largest, or there would have been no such end.
    const largest = Math.max(0, ...pending.map(({ text }) => text.length));
    for (const { timer, text, fail } of pending) {
      clearTimeout(timer);
      fail(ending.tooBig && text.length === largest ? tooBig() : ending.error);
    }
    const error = ending.retry ? notConnected() : ending.error;
    waiting.forEach(({ fail }) => fail(error)); // The server has not seen them.
    this.handlers.onEnd(this.refusal && !ending.isLeave ? { ...ending, error: this.refusal } : ending);
  }
}

function frameOf<Name extends keyof Requests>(id: number, name: Name, request: Requests[Name]): string {
  return JSON.stringify({ id, [name]: request });
}

export function lost(message: string): Ending {
  return { error: new AtriumError(Code.UNAVAILABLE, 'CONNECTION_LOST', message), retry: true, wait: 0 };
}

function endingOfGoodbye(goodbye: Goodbye): Ending {
  const ending = endingOfClose(goodbye.code ?? 0, goodbye.reason ?? '');
  return { ...ending, wait: milliseconds(goodbye.reconnectAfter, 0) };
}

export function notConnected(): AtriumError {
  return new AtriumError(Code.UNAVAILABLE, 'NOT_CONNECTED', 'There is no connection to the server.');
}

function tooBig(): AtriumError {
  return new AtriumError(Code.INVALID_ARGUMENT, 'MESSAGE_TOO_BIG', 'The request is longer than the server reads.');
}

// 3000 to 3499: come again; 3500 to 3999: do not. All other codes are accidents of the network.
function endingOfClose(code: number, reason: string): Ending {
  if (code < 3000 || code > 3999) {
    return { ...lost(reason || 'The connection was lost.'), tooBig: code === kTooBig };
  }
  const error = new AtriumError(Code.UNAVAILABLE, `GOODBYE_${code}`, reason || 'The server ended the connection.');
  return { error, retry: code < 3500 || code === kNoHello, wait: 0, expired: code === kTokenExpired };
}
