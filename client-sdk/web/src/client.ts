import { watchBrowser } from './browser.js';
import { Budget } from './budget.js';
import type { ActionsOf, AnyActions, Component } from './component.js';
import { Components, type MountOptions } from './components.js';
import { Connection, notConnected, type Ending } from './connection.js';
import { AtriumError, Code } from './error.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import { Pending, type QueueLimits } from './pending.js';
import { milliseconds, type JsonObject, type Requests, type ServerFrame, type Welcome } from './protocol.js';
import type { Room } from './room.js';
import { Rooms, type JoinOptions, type Link } from './rooms.js';
import { version } from './version.js';

/**
 * `connecting`: a connection is being made. `online`: the server knows this client. `offline`: waiting to try again.
 * `closed`: the end, by `close` or because the server said not to come again.
 */
export type ConnectionStatus = 'connecting' | 'online' | 'offline' | 'closed';

export interface StatusInfo {
  /** When `offline`: the time of the next try, as of `Date.now()`. */
  retryAt?: number;
  /** When `offline` or `closed`: why. */
  error?: AtriumError;
  /** When `online`: the session of the last connection goes on, with all that was in it. */
  resumed?: boolean;
}

export interface ClientOptions {
  /** Default: `/ws` of the server that the page came from. */
  url?: string;
  /** Who this client is. */
  token: string;
  /** What this client calls itself, shown to operators. At most 100 bytes. */
  client?: string;
  /** Milliseconds to wait for the welcome and for each reply. Default 10,000. */
  requestTimeout?: number;
  /** The longest wait in milliseconds before the first retry, and before any. Default 500 and 16,000. */
  backoff?: { min: number; max: number };
  /** How many requests may wait to be acknowledged, and how many characters of them. Default 1000 and 1,000,000. */
  queue?: QueueLimits;
  /** Default: the WebSocket of the platform. */
  webSocket?: typeof WebSocket;
}

// A connection that lasted so long (milliseconds) was a good one: the next wait is short again.
const kStable = 10_000;
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
  private readonly statusListeners = new Listeners<[ConnectionStatus, StatusInfo]>();
  private readonly budget = new Budget();
  private connection: Connection | undefined;
  // The last one; its session may be over.
  private welcome: Welcome | undefined;
  private resumeToken = '';
  private currentStatus: ConnectionStatus = 'offline';
  private currentInfo: StatusInfo = {};
  private onlineSince = 0;
  private attempts = 0;
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
      ...options,
    };
    const link = this.link();
    this.pending = link.pending;
    this.roomSet = new Rooms(link);
    this.componentSet = new Components(link);
  }

  get status(): ConnectionStatus {
    return this.currentStatus;
  }

  get statusInfo(): StatusInfo {
    return this.currentInfo;
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
    return this.statusListeners.add(listener);
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
    if (this.connection || this.currentStatus === 'closed') {
      return;
    }
    clearTimeout(this.retryTimer);
    this.unwatch ??= watchBrowser({
      wake: () => this.wake(),
      hide: () => this.connection?.leave(),
      show: () => this.connect(),
    });
    this.setStatus('connecting');
    this.connection = new Connection({ ...this.options, budget: this.budget, hello: () => this.hello() }, {
      onWelcome: (welcome) => this.onWelcome(welcome),
      onFrame: (frame) => this.onFrame(frame),
      onEnd: (ending) => this.onEnd(ending),
    });
  }

  /**
   * Joins a room, and again in each session, until `Room.leave`. Resolves when this client is in, however many
   * tries that takes; fails when the server refuses or the client is closed.
   */
  join<State = JsonObject>(roomId: string, options: JoinOptions = {}): Promise<Room<State>> {
    if (this.currentStatus === 'closed') {
      return Promise.reject(this.currentInfo.error ?? closedError());
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
    if (this.currentStatus === 'closed') {
      return Promise.reject(this.currentInfo.error ?? closedError());
    }
    this.connect();
    return this.componentSet.mount<State, Actions>(name, options);
  }

  /** Ends the session and leaves all rooms. A closed client stays closed. */
  close(): void {
    if (this.connection) {
      this.connection.close();
    } else {
      this.finish(closedError());
    }
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
      request: (name, request) =>
        new Promise((resolve, reject) => {
          if (client.online) {
            call(name, request, resolve, reject);
          } else {
            reject(notConnected());
          }
        }),
      call,
      abandon: (why) => client.connection?.abandon(why),
    };
  }

  // The connection, if the server knows this client there.
  private get online(): Connection | undefined {
    return this.currentStatus === 'online' && !this.connection?.isOver ? this.connection : undefined;
  }

  private hello(): Requests['hello'] {
    const { token, client } = this.options;
    const { resumeToken } = this;
    return resumeToken ? { token, client, resumeToken, known: this.roomSet.known } : { token, client };
  }

  private onWelcome(welcome: Welcome): void {
    const resumed = welcome.resumed === true && welcome.sessionId === this.sessionId;
    this.welcome = welcome;
    this.resumeToken = welcome.resumeToken ?? '';
    this.budget.tell(welcome.requestRate ?? 0, welcome.requestBurst ?? 0, !resumed);
    this.onlineSince = Date.now();
    const interval = milliseconds(welcome.pingInterval, kPingInterval);
    clearInterval(this.watchTimer);
    if (interval > 0) {
      this.watchTimer = setInterval(() => this.probe(2 * interval), interval);
    }
    this.currentStatus = 'online';
    if (resumed) {
      this.roomSet.goOn();
      this.componentSet.goOn();
    } else {
      this.roomSet.startAnew();
      this.componentSet.startAnew();
    }
    this.pending.flush();
    this.setStatus('online', { resumed }); // Behind all that: a listener may join or mount more, once.
  }

  private onFrame(frame: ServerFrame): void {
    if (frame.component) {
      this.componentSet.receive(frame.component);
    } else {
      this.roomSet.receive(frame);
    }
  }

  private onEnd(ending: Ending): void {
    this.connection = undefined;
    clearInterval(this.watchTimer);
    if (!ending.retry) {
      this.finish(ending.error);
      return;
    }
    if (ending.isLeave) {
      this.resumeToken = '';
      this.setStatus('offline', { error: ending.error }); // Until the page is shown again.
      return;
    }
    const wasStable = this.currentStatus === 'online' && Date.now() - this.onlineSince >= kStable;
    this.attempts = wasStable ? 0 : this.attempts;
    const { min, max } = this.options.backoff;
    const delay = ending.wait + Math.random() * Math.min(max, min * 2 ** this.attempts);
    this.attempts++;
    this.notBefore = Date.now() + ending.wait;
    this.retryTimer = setTimeout(() => this.connect(), delay);
    this.setStatus('offline', { retryAt: Date.now() + delay, error: ending.error });
  }

  private finish(error: AtriumError): void {
    clearTimeout(this.retryTimer);
    this.unwatch?.();
    this.setStatus('closed', { error });
    this.pending.finish(error);
    this.roomSet.finish(error);
    this.componentSet.finish(error);
  }

  private setStatus(status: ConnectionStatus, info: StatusInfo = {}): void {
    if (status === this.currentStatus && status === 'closed') {
      return;
    }
    this.currentStatus = status;
    this.currentInfo = info;
    this.statusListeners.call(status, info);
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
    if (this.currentStatus === 'offline' && Date.now() >= this.notBefore) {
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
