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
  token: string;
  client: string;
  /** Milliseconds. */
  requestTimeout: number;
  webSocket: typeof WebSocket;
}

/** How a connection ended. */
export interface Ending {
  error: AtriumError;
  /** False when the server said not to come again. */
  retry: boolean;
  /** Milliseconds to wait at least before coming again. */
  wait: number;
}

export interface ConnectionHandlers {
  onWelcome(welcome: Welcome): void;
  /** Everything that is pushed: no welcome, reply or goodbye. */
  onFrame(frame: ServerFrame): void;
  /** Once, and the last call; requests that were pending have failed by then. */
  onEnd(ending: Ending): void;
}

interface Pending {
  name: keyof Replies;
  timer: ReturnType<typeof setTimeout>;
  succeed(result: never): void;
  fail(error: AtriumError): void;
}

/** One WebSocket from its opening to its end: says hello, pairs replies with requests, passes on the rest. */
export class Connection {
  private readonly socket: WebSocket;
  private readonly pending = new Map<number, Pending>();
  private readonly welcomeTimer: ReturnType<typeof setTimeout>;
  private nextId = 1;
  private welcomed = false;
  private ended = false;
  private heardAt = Date.now();
  private heardFrames = 0;

  constructor(
    private readonly options: ConnectionOptions,
    private readonly handlers: ConnectionHandlers,
  ) {
    this.socket = new options.webSocket(options.url, SUBPROTOCOL);
    this.socket.onopen = () => this.send('hello', { token: options.token, client: options.client });
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = (event) => this.end(endingOfClose(event.code, event.reason));
    this.socket.onerror = () => {}; // A close follows, always.
    this.welcomeTimer = setTimeout(() => this.end(lost('The server did not answer.')), options.requestTimeout);
  }

  /** Milliseconds since the server was last heard. The browser does not show its pings. */
  get silence(): number {
    return Date.now() - this.heardAt;
  }

  /** Calls one of `succeed` and `fail`, before any frame that the server sent after its reply is passed on. */
  call<Name extends keyof Replies>(
    name: Name,
    request: Requests[Name],
    succeed: (result: Replies[Name]) => void,
    fail: (error: AtriumError) => void,
  ): void {
    const id = this.send(name, request);
    const heard = this.heardFrames;
    const timer = setTimeout(() => {
      this.pending.delete(id);
      fail(
        new AtriumError(Code.DEADLINE_EXCEEDED, 'REQUEST_TIMEOUT', `The server did not answer the ${name} in time.`),
      );
      if (this.heardFrames === heard) {
        this.end(lost('The server has gone silent.'));
      }
    }, this.options.requestTimeout);
    this.pending.set(id, { name, timer, succeed: succeed as (result: never) => void, fail });
  }

  /** Ends the session. */
  close(): void {
    this.end({ error: new AtriumError(Code.CANCELLED, 'CLOSED', 'The client was closed.'), retry: false, wait: 0 });
  }

  /** Ends the connection as if it had been lost. */
  abandon(why: string): void {
    this.end(lost(why));
  }

  private send<Name extends keyof Requests>(name: Name, request: Requests[Name]): number {
    const id = this.nextId++;
    this.socket.send(JSON.stringify({ id, [name]: request }));
    return id;
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
      const refused = [3, 7, 16].includes(error.code); // INVALID_ARGUMENT, PERMISSION_DENIED, UNAUTHENTICATED
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
    this.socket.close(1000);
    for (const { timer, fail } of this.pending.values()) {
      clearTimeout(timer);
      fail(ending.error);
    }
    this.pending.clear();
    this.handlers.onEnd(ending);
  }
}

function lost(message: string): Ending {
  return { error: new AtriumError(Code.UNAVAILABLE, 'CONNECTION_LOST', message), retry: true, wait: 0 };
}

function endingOfGoodbye(goodbye: Goodbye): Ending {
  const ending = endingOfClose(goodbye.code ?? 0, goodbye.reason ?? '');
  return { ...ending, wait: milliseconds(goodbye.reconnectAfter, 0) };
}

// 3000 to 3499: come again; 3500 to 3999: do not. All other codes are accidents of the network.
function endingOfClose(code: number, reason: string): Ending {
  if (code < 3000 || code > 3999) {
    return lost(reason || 'The connection was lost.');
  }
  const error = new AtriumError(Code.UNAVAILABLE, `GOODBYE_${code}`, reason || 'The server ended the connection.');
  return { error, retry: code < 3500, wait: 0 };
}
