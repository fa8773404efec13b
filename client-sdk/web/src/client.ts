import { Connection, type Ending } from './connection.js';
import { AtriumError, Code } from './error.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import {
  milliseconds,
  type JsonObject,
  type Replies,
  type Requests,
  type ServerFrame,
  type Welcome,
} from './protocol.js';
import { Room } from './room.js';

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

export interface JoinOptions {
  /** The state of the room, if this join creates it. */
  initialState?: JsonObject;
}

interface Entry {
  room: Room;
  /** False when a service brought this client in: then only a service can do it again. */
  own: boolean;
  options: JoinOptions;
  promise: Promise<Room>;
  resolve(room: Room): void;
  reject(error: AtriumError): void;
}

// A connection that lasted so long (milliseconds) was a good one: the next wait is short again.
const kStable = 10_000;
const kPingInterval = 25_000;

/**
 * A client of Atrium. It connects at the first `join`, and after a lost connection again and again: at random
 * moments of an interval that doubles (full jitter), or at once when the browser is online or visible again. It then
 * joins its rooms anew. Requests that were under way when the connection was lost fail; they are not repeated,
 * because the server may have done them.
 */
export class AtriumClient {
  private readonly options: Required<ClientOptions>;
  private readonly entries = new Map<string, Entry>();
  private readonly statusListeners = new Listeners<[ConnectionStatus, StatusInfo]>();
  private readonly roomListeners = new Listeners<[Room]>();
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
    return [...this.entries.values()].map((entry) => entry.room);
  }

  onStatus(listener: (status: ConnectionStatus, info: StatusInfo) => void): Unsubscribe {
    return this.statusListeners.add(listener);
  }

  /** Calls `listener` when a service brought this client into a room. */
  onRoom(listener: (room: Room) => void): Unsubscribe {
    return this.roomListeners.add(listener);
  }

  /** Connects, unless that is done; ends the wait for the next try. Nothing happens once closed. */
  connect(): void {
    if (this.connection || this.currentStatus === 'closed') {
      return;
    }
    clearTimeout(this.retryTimer);
    this.unwatch ??= this.watchBrowser();
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
    let entry = this.entries.get(roomId);
    if (!entry) {
      entry = this.addEntry(roomId, true, options);
      this.connect();
      if (this.currentStatus === 'online') {
        this.sendJoin(entry);
      }
    }
    return entry.promise as unknown as Promise<Room<State>>;
  }

  /** Ends the session and leaves all rooms. A closed client stays closed. */
  close(): void {
    if (this.connection) {
      this.connection.close();
    } else {
      this.finish(closedError());
    }
  }

  private addEntry(roomId: string, own: boolean, options: JoinOptions): Entry {
    const room: Room = new Room(roomId, {
      request: (name, request) => this.request(name, request),
      forget: () => this.forget(room),
    });
    const entry = { room, own, options } as Entry;
    entry.promise = new Promise((resolve, reject) => {
      entry.resolve = resolve;
      entry.reject = reject;
    });
    entry.promise.catch(() => {}); // For the caller of join to handle, if there is one.
    this.entries.set(roomId, entry);
    return entry;
  }

  private forget(room: Room): void {
    if (this.entries.get(room.id)?.room === room) {
      this.entries.delete(room.id);
    }
  }

  private request<Name extends keyof Replies>(name: Name, request: Requests[Name]): Promise<Replies[Name]> {
    return new Promise((resolve, reject) => {
      if (this.connection && this.currentStatus === 'online') {
        this.connection.call(name, request, (result) => resolve(result as Replies[Name]), reject);
      } else {
        reject(new AtriumError(Code.UNAVAILABLE, 'NOT_CONNECTED', 'There is no connection to the server.'));
      }
    });
  }

  private sendJoin(entry: Entry): void {
    const connection = this.connection;
    this.connection?.call(
      'join',
      { roomId: entry.room.id, ...entry.options },
      (snapshot) => {
        if (this.entries.get(entry.room.id) === entry) {
          entry.room.enter(snapshot);
          entry.resolve(entry.room);
        } else if (!this.entries.has(entry.room.id)) {
          this.request('leave', { roomId: entry.room.id }).catch(() => {}); // Left while the join was under way.
        }
      },
      (error) => {
        const local = error.reason === 'CONNECTION_LOST' || error.reason.startsWith('GOODBYE_');
        if (connection !== this.connection || local || this.entries.get(entry.room.id) !== entry) {
          return; // The next connection joins again.
        }
        this.entries.delete(entry.room.id);
        entry.reject(error);
        entry.room.exit({ reason: 'LEAVE_REASON_UNSPECIFIED', error });
      },
    );
  }

  private onWelcome(welcome: Welcome): void {
    this.welcome = welcome;
    this.onlineSince = Date.now();
    const interval = milliseconds(welcome.pingInterval, kPingInterval);
    clearInterval(this.watchTimer);
    if (interval > 0) {
      this.watchTimer = setInterval(() => this.probe(2 * interval), interval);
    }
    this.setStatus('online');
    for (const entry of [...this.entries.values()]) {
      this.sendJoin(entry);
    }
  }

  private onFrame(frame: ServerFrame): void {
    if (frame.snapshot) {
      const roomId = frame.snapshot.room.id;
      const known = this.entries.get(roomId);
      const entry = known ?? this.addEntry(roomId, false, {});
      entry.room.enter(frame.snapshot);
      entry.resolve(entry.room);
      if (!known) {
        this.roomListeners.call(entry.room);
      }
      return;
    }
    const room = this.entries.get((frame.event ?? frame.patch ?? frame.member ?? frame.left)?.roomId ?? '')?.room;
    if (!room?.joined) {
      return;
    }
    if (frame.event) {
      room.receiveEvent(frame.event);
    } else if (frame.patch) {
      room.receivePatch(frame.patch);
    } else if (frame.member) {
      room.receiveMembers(frame.member);
    } else if (frame.left) {
      this.entries.delete(room.id);
      room.exit({ reason: frame.left.reason ?? 'LEAVE_REASON_UNSPECIFIED' });
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
    for (const [roomId, { room, own }] of [...this.entries]) {
      room.suspend();
      if (!own) {
        this.entries.delete(roomId);
        room.exit({ reason: 'LEAVE_REASON_DISCONNECT', error: ending.error });
      }
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
    const entries = [...this.entries.values()];
    this.entries.clear();
    this.setStatus('closed', { error });
    for (const entry of entries) {
      entry.reject(error);
      entry.room.exit({ reason: 'LEAVE_REASON_DISCONNECT', error });
    }
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

  private watchBrowser(): Unsubscribe {
    const wake = () => {
      if (this.currentStatus === 'offline' && Date.now() >= this.notBefore) {
        this.connect();
      } else {
        this.probe(1000);
      }
    };
    const onVisible = () => {
      if (document.visibilityState === 'visible') {
        wake();
      }
    };
    const page = typeof document === 'undefined' ? undefined : document;
    globalThis.addEventListener?.('online', wake);
    page?.addEventListener('visibilitychange', onVisible);
    return () => {
      globalThis.removeEventListener?.('online', wake);
      page?.removeEventListener('visibilitychange', onVisible);
    };
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
