import { Backoff, type BackoffLimits } from './backoff.js';
import { watchBrowser } from './browser.js';
import { Budget } from './budget.js';
import type { ActionsOf, AnyActions, Component } from './component.js';
import { Components, type MountOptions } from './components.js';
import { Connection, notConnected, type Ending } from './connection.js';
import { AtriumError, Code } from './error.js';
import type { Unsubscribe } from './listeners.js';
import { Pending, type QueueLimits } from './pending.js';
import { milliseconds } from './protocol.js';
import type { JsonObject, Replies, Requests, ServerFrame, Welcome } from './protocol.js';
import { Renewal } from './renewal.js';
import type { Room } from './room.js';
import { Rooms, type JoinOptions, type Link } from './rooms.js';
import { CurrentStatus, type ConnectionStatus, type StatusInfo } from './status.js';
import { Tokens, type TokenSource } from './tokens.js';
import { version } from './version.js';
import { Watch } from './watch.js';

export interface ClientOptions {
  /** Default: `/ws` of the server that the page came from. */
  url?: string;
  /**
   * Who this client is. A function is asked when there is no token yet, when the last one is about to expire, and when
   * it has expired; if it fails, it is asked again later.
   */
  token: TokenSource;
  /** What this client calls itself, shown to operators. At most 100 bytes. */
  client?: string;
  /** Milliseconds to wait for the welcome and for each reply. Default 10,000. */
  requestTimeout?: number;
  /** The longest wait in milliseconds before the first retry, and before any. Default 500 and 16,000. */
  backoff?: BackoffLimits;
  /** How many requests may wait to be acknowledged, and how many characters of them. Default 1000 and 1,000,000. */
  queue?: QueueLimits;
  /** Default: the WebSocket of the platform. */
  webSocket?: typeof WebSocket;
  /** Default: that of the platform. */
  fetch?: typeof fetch;
}

const kPingInterval = 25_000;

/**
 * A client of Atrium. It connects at the first `join` or `mount`, and after a lost connection again and again: at
 * random moments of an interval that doubles (full jitter), or at once when the browser is online or visible again. Its
 * session then goes on, with its rooms and components. If the server does not know that any more, this client joins its
 * rooms again behind what it has of them, and mounts its components anew. What rooms were asked meanwhile, or was not
 * acknowledged, is sent then.
 */
export class AtriumClient {
  private readonly options: Required<ClientOptions>;
  private readonly pending: Pending;
  private readonly roomSet: Rooms;
  private readonly componentSet: Components;
  private readonly watches = new Set<Watch<never>>();
  private readonly current = new CurrentStatus();
  private readonly tokens: Tokens;
  private readonly renewal: Renewal;
  private readonly backoff: Backoff;
  private readonly budget = new Budget();
  private connection: Connection | undefined;
  // The last one; its session may be over.
  private welcome: Welcome | undefined;
  private resumeToken = '';
  // The one that the server has of this connection, or had of the last.
  private shownToken = '';
  private notBefore = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private watchTimer: ReturnType<typeof setInterval> | undefined;
  private unwatch: Unsubscribe | undefined;

  constructor(options: ClientOptions) {
    this.options = {
      url: options.url ?? defaultUrl(),
      client: `atrium-web/${version}`,
      requestTimeout: 10_000,
      backoff: { min: 500, max: 16_000 },
      queue: { requests: 1000, size: 1_000_000 },
      webSocket: globalThis.WebSocket,
      fetch: globalThis.fetch,
      ...options,
    };
    const link = this.link();
    this.pending = link.pending;
    this.roomSet = new Rooms(link);
    this.componentSet = new Components(link);
    const { token, backoff } = this.options;
    this.tokens = new Tokens(token);
    this.renewal = new Renewal(this.tokens, (next) => this.refresh(next), backoff);
    this.backoff = new Backoff(backoff);
  }

  get status(): ConnectionStatus {
    return this.current.value;
  }

  get statusInfo(): StatusInfo {
    return this.current.info;
  }

  /** Of the session that this client has, or had last; empty before the first. */
  get sessionId(): string {
    return this.welcome?.sessionId ?? '';
  }

  /** The rooms that this client is in, or is about to be in. */
  get rooms(): Room[] {
    return this.roomSet.list;
  }

  onStatus(listener: (status: ConnectionStatus, info: StatusInfo) => void): Unsubscribe {
    return this.current.onChange(listener);
  }

  /** Calls `listener` when a service or a component brought this client into a room. */
  onRoom(listener: (room: Room) => void): Unsubscribe {
    return this.roomSet.onRoom(listener);
  }

  /**
   * The room of this id, whether this client is in it or not: to listen to one that a component is going to join.
   * It is the same object each time.
   */
  room<State = JsonObject>(roomId: string): Room<State> {
    return this.roomSet.handle(roomId) as unknown as Room<State>;
  }

  /** Connects, unless that is done; ends the wait for the next try. Nothing happens once closed. */
  connect(): void {
    if (this.connection || this.status === 'connecting' || this.status === 'closed') {
      return;
    }
    clearTimeout(this.retryTimer);
    this.unwatch ??= watchBrowser({
      wake: () => this.wake(),
      hide: () => this.connection?.leave(),
      show: () => this.connect(),
    });
    this.current.set('connecting');
    if (this.tokens.current !== undefined) {
      this.open();
      return;
    }
    this.tokens.renew().then(
      () => this.open(),
      (error: AtriumError) => this.isOpening && this.comeBack(error),
    );
  }

  /**
   * Goes on with a new token of the same user, also over further connections. Resolves with the time when it expires.
   * Fails with NOT_CONNECTED when there is no connection; the next one begins with it.
   */
  async refresh(token: string): Promise<Date> {
    if (this.status === 'closed') {
      throw this.endError;
    }
    this.tokens.use(token);
    const { expireTime } = await this.request('refresh', { token });
    this.shownToken = token;
    return new Date(expireTime);
  }

  /**
   * Follows a room without joining it, until `Watch.close`: over HTTP, whether or not there is a connection. Its status
   * tells how that goes. Throws when the client is closed.
   */
  watch<State = JsonObject>(roomId: string): Watch<State> {
    if (this.status === 'closed') {
      throw this.endError;
    }
    const { tokens, watches } = this;
    const watch = new Watch<State>(roomId, { ...this.options, tokens, onClosed: (closed) => watches.delete(closed) });
    watches.add(watch as unknown as Watch<never>);
    return watch;
  }

  /**
   * Joins a room, and again in each session, until `Room.leave`. Resolves when this client is in, however many
   * tries that takes; fails when the server refuses or the client is closed.
   */
  join<State = JsonObject>(roomId: string, options: JoinOptions = {}): Promise<Room<State>> {
    if (this.status === 'closed') {
      return Promise.reject(this.endError);
    }
    this.connect();
    return this.roomSet.join(roomId, options) as unknown as Promise<Room<State>>;
  }

  /**
   * Mounts a component of this class on the server, and again in each session, until `Component.unmount`.
   * Resolves when it is there, however many tries that takes; fails when the server refuses or the client is closed.
   */
  mount<State = JsonObject, Actions extends ActionsOf<Actions> = AnyActions>(
    name: string,
    options: MountOptions = {},
  ): Promise<Component<State, Actions>> {
    if (this.status === 'closed') {
      return Promise.reject(this.endError);
    }
    this.connect();
    return this.componentSet.mount<State, Actions>(name, options);
  }

  /** Ends the session and all watches, and leaves all rooms. A closed client stays closed. */
  close(): void {
    if (this.connection) {
      this.connection.close();
    } else {
      this.finish(closedError());
    }
  }

  private get endError(): AtriumError {
    return this.statusInfo.error ?? closedError();
  }

  // It may have been closed while there was no token yet.
  private get isOpening(): boolean {
    return this.status === 'connecting' && !this.connection;
  }

  private open(): void {
    if (!this.isOpening) {
      return;
    }
    this.shownToken = this.tokens.current ?? '';
    this.connection = new Connection({ ...this.options, budget: this.budget, hello: () => this.hello() }, {
      onWelcome: (welcome) => this.onWelcome(welcome),
      onFrame: (frame) => this.onFrame(frame),
      onEnd: (ending) => this.onEnd(ending),
    });
  }

  private link(): Link {
    const client = this;
    const call: Link['call'] = (name, request, succeed, fail) => client.online?.call(name, request, succeed, fail);
    const pending = new Pending(
      {
        get session() {
          return client.online && { sessionId: client.sessionId, userId: client.welcome?.userId ?? '' };
        },
        call,
      },
      this.options.queue,
    );
    return {
      get sessionId() {
        return client.sessionId;
      },
      pending,
      request: (name, request) => client.request(name, request),
      call,
      abandon: (why) => client.connection?.abandon(why),
    };
  }

  // The connection, if the server knows this client there.
  private get online(): Connection | undefined {
    return this.status === 'online' && !this.connection?.isOver ? this.connection : undefined;
  }

  private request<Name extends keyof Replies>(name: Name, request: Requests[Name]): Promise<Replies[Name]> {
    return new Promise((resolve, reject) => {
      if (this.online) {
        this.online.call(name, request, resolve, reject);
      } else {
        reject(notConnected());
      }
    });
  }

  private hello(): Requests['hello'] {
    const { client } = this.options;
    const { resumeToken, shownToken: token } = this;
    return resumeToken ? { token, client, resumeToken, known: this.roomSet.known } : { token, client };
  }

  private onWelcome(welcome: Welcome): void {
    const resumed = welcome.resumed === true && welcome.sessionId === this.sessionId;
    this.welcome = welcome;
    this.resumeToken = welcome.resumeToken ?? '';
    this.budget.tell(welcome.requestRate ?? 0, welcome.requestBurst ?? 0, !resumed);
    this.backoff.succeed();
    const interval = milliseconds(welcome.pingInterval, kPingInterval);
    clearInterval(this.watchTimer);
    if (interval > 0) {
      this.watchTimer = setInterval(() => this.probe(2 * interval), interval);
    }
    this.current.value = 'online';
    if (resumed) {
      this.roomSet.goOn();
      this.componentSet.goOn();
    } else {
      this.roomSet.startAnew();
      this.componentSet.startAnew();
    }
    this.pending.flush();
    this.current.set('online', { resumed }); // Behind all that: a listener may join or mount more, once.
  }

  private onFrame(frame: ServerFrame): void {
    if (frame.component) {
      this.componentSet.receive(frame.component);
    } else if (frame.expiring) {
      this.renewal.start();
    } else {
      this.roomSet.receive(frame);
    }
  }

  private onEnd(ending: Ending): void {
    this.connection = undefined;
    clearInterval(this.watchTimer);
    this.renewal.stop();
    if (!ending.retry || (ending.expired && !this.tokens.expire(this.shownToken))) {
      this.finish(ending.error);
      return;
    }
    if (ending.isLeave) {
      this.resumeToken = '';
      this.current.set('offline', { error: ending.error }); // Until the page is shown again.
      return;
    }
    this.comeBack(ending.error, ending.wait);
  }

  private comeBack(error: AtriumError, wait = 0): void {
    const delay = wait + this.backoff.next();
    this.notBefore = Date.now() + wait;
    this.retryTimer = setTimeout(() => this.connect(), delay);
    this.current.set('offline', { retryAt: Date.now() + delay, error });
  }

  private finish(error: AtriumError): void {
    clearTimeout(this.retryTimer);
    this.unwatch?.();
    this.current.set('closed', { error });
    this.watches.forEach((watch) => watch.end(error));
    this.pending.finish(error);
    this.roomSet.finish(error);
    this.componentSet.finish(error);
  }

  // A connection can die without a sign. Pings are the server's and hidden by the browser, so after a long silence
  // this asks for something small; without an answer the connection is given up. Without a room nothing is missed.
  private probe(silence: number): void {
    const room = this.rooms.find(({ joined }) => joined);
    if (room && this.connection && this.connection.silence >= silence) {
      const ignore = () => {};
      this.connection.call('getState', { roomId: room.id }, ignore, ignore);
    }
  }

  private wake(): void {
    if (this.status === 'offline' && Date.now() >= this.notBefore) {
      this.connect();
    } else {
      this.probe(1000);
    }
  }
}

function closedError(): AtriumError {
  return new AtriumError(Code.CANCELLED, 'CLOSED', 'The client was closed.');
}

function defaultUrl(): string {
  if (typeof location === 'undefined') {
    throw new TypeError('AtriumClient needs a url outside of a web page');
  }
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`;
}
