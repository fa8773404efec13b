import { watchBrowser } from './browser.js';
import type { ActionsOf, AnyActions, Component } from './component.js';
import { Components, type MountOptions } from './components.js';
import { Connection, type Ending } from './connection.js';
import { AtriumError, Code } from './error.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import { milliseconds, type JsonObject, type ServerFrame, type Welcome } from './protocol.js';
import type { Room } from './room.js';
import { Rooms, type JoinOptions, type Link } from './rooms.js';

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
  /** Default: the WebSocket of the platform. */
  webSocket?: typeof WebSocket;
}

// A connection that lasted so long (milliseconds) was a good one: the next wait is short again.
const kStable = 10_000;
const kPingInterval = 25_000;

/**
 * A client of Atrium. It connects at the first `join` or `mount`, and after a lost connection again and again: at random
 * moments of an interval that doubles (full jitter), or at once when the browser is online or visible again. It then
 * joins its rooms and mounts its components anew. Requests that were under way when the connection was lost fail; they are not repeated,
 * because the server may have done them.
 */
export class AtriumClient {
  private readonly options: Required<ClientOptions>;
  private readonly roomSet: Rooms;
  private readonly componentSet: Components;
  private readonly statusListeners = new Listeners<[ConnectionStatus, StatusInfo]>();
  private connection: Connection | undefined;
  private welcome: Welcome | undefined;
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
      client: 'atrium-web/0.1.0',
      requestTimeout: 10_000,
      backoff: { min: 500, max: 16_000 },
      webSocket: globalThis.WebSocket,
      ...options,
    };
    const link = this.link();
    this.roomSet = new Rooms(link);
    this.componentSet = new Components(link);
  }

  get status(): ConnectionStatus {
    return this.currentStatus;
  }

  get statusInfo(): StatusInfo {
    return this.currentInfo;
  }

  /** Empty unless online. */
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
    this.unwatch ??= watchBrowser(() => this.wake());
    this.setStatus('connecting');
    this.connection = new Connection(this.options, {
      onWelcome: (welcome) => this.onWelcome(welcome),
      onFrame: (frame) => this.onFrame(frame),
      onEnd: (ending) => this.onEnd(ending),
    });
  }

  /**
   * Joins a room, and again after each reconnect, until `Room.leave`. Resolves when this client is in, however many
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
   * Mounts a component of this class on the server, and again after each reconnect, until `Component.unmount`.
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
    return {
      get sessionId() {
        return client.sessionId;
      },
      request: (name, request) =>
        new Promise((resolve, reject) => {
          if (client.connection && client.currentStatus === 'online') {
            client.connection.call(name, request, resolve, reject);
          } else {
            reject(new AtriumError(Code.UNAVAILABLE, 'NOT_CONNECTED', 'There is no connection to the server.'));
          }
        }),
      call: (name, request, succeed, fail) => {
        if (client.currentStatus === 'online') {
          client.connection?.call(name, request, succeed, fail);
        }
      },
      abandon: (why) => client.connection?.abandon(why),
    };
  }

  private onWelcome(welcome: Welcome): void {
    this.welcome = welcome;
    this.onlineSince = Date.now();
    const interval = milliseconds(welcome.pingInterval, kPingInterval);
    clearInterval(this.watchTimer);
    if (interval > 0) {
      this.watchTimer = setInterval(() => this.probe(2 * interval), interval);
    }
    this.currentStatus = 'online';
    this.roomSet.resume();
    this.componentSet.resume();
    this.setStatus('online'); // Behind the two: a listener may join or mount more, once.
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
    this.welcome = undefined;
    clearInterval(this.watchTimer);
    if (!ending.retry) {
      this.finish(ending.error);
      return;
    }
    this.componentSet.suspend();
    const gone = this.roomSet.suspend();
    const wasStable = this.currentStatus === 'online' && Date.now() - this.onlineSince >= kStable;
    this.attempts = wasStable ? 0 : this.attempts;
    const { min, max } = this.options.backoff;
    const delay = ending.wait + Math.random() * Math.min(max, min * 2 ** this.attempts);
    this.attempts++;
    this.notBefore = Date.now() + ending.wait;
    this.retryTimer = setTimeout(() => this.connect(), delay);
    this.setStatus('offline', { retryAt: Date.now() + delay, error: ending.error });
    for (const room of gone) {
      room.exit({ reason: 'LEAVE_REASON_DISCONNECT', error: ending.error });
    }
  }

  private finish(error: AtriumError): void {
    clearTimeout(this.retryTimer);
    this.unwatch?.();
    this.setStatus('closed', { error });
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
