import { AtriumError, Code } from './error.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import { notJoined, type Repeatable, type Target } from './pending.js';
import type {
  EmitResponse,
  Json,
  JsonObject,
  LeaveReason,
  Replies,
  Requests,
  RoomEvent,
  RoomSnapshot,
} from './protocol.js';
import { RoomView } from './room_view.js';

export interface EmitOptions {
  /** Members that do not get it. */
  exclude?: string[];
  /** If any: only these members get it. */
  to?: string[];
  /** An event does not come back to its sender without this. */
  includeSelf?: boolean;
  /** Takes no offset, is not recorded, and is dropped first when a member is slow. */
  volatile?: boolean;
  /** Who emits it: this session or a component of it. Default: the first of them that is in the room. */
  memberId?: string;
}

/** Why a room was left. `error`: the server refused to let this client in again. */
export interface Leaving {
  reason: LeaveReason;
  error?: AtriumError;
}

/** @internal What a room needs of its client. */
export interface RoomLink {
  /** Of the session that this client has, or had last. */
  readonly sessionId: string;
  request<Name extends keyof Replies>(name: Name, request: Requests[Name]): Promise<Replies[Name]>;
  /** Keeps it until the server has acknowledged it. */
  keep<Name extends Repeatable>(name: Name, room: Target, request: Requests[Name]): Promise<Replies[Name]>;
  /** Whether an event that an earlier session of this client emitted was to come back to it. */
  takeEcho(event: RoomEvent): boolean;
  /** Leaves as a session. */
  leave(roomId: string): Promise<void>;
  /** This session has left `room`; a component of it may still be there. */
  onSessionLeft(room: Room): void;
}

/**
 * A room as this client sees it, which is in it as a session, by components of it, or both. While a connection is lost
 * all is as it was last seen; then what was missed comes as if it happened now, each frame once.
 */
export class Room<State = JsonObject> extends RoomView<State> {
  private readonly leftListeners = new Listeners<[Leaving]>();
  private returning = false;
  private ownIds: readonly string[] = [];
  private readonly pastIds = new Set<string>();

  /** @internal Rooms come from `AtriumClient`. */
  constructor(
    id: string,
    private readonly link: RoomLink,
  ) {
    super(id);
  }

  get joined(): boolean {
    return this.ownIds.length > 0;
  }

  /** This client's id among the members; empty when not joined. It is another one in each session. */
  get memberId(): string {
    return this.ownIds[0] ?? '';
  }

  /** All of this client's ids among the members: the session's and its components'. */
  get memberIds(): readonly string[] {
    return this.ownIds;
  }

  /** Calls `listener` when this client is not in the room any more, other than by `leave`. */
  onLeft(listener: (leaving: Leaving) => void): Unsubscribe {
    return this.leftListeners.add(listener);
  }

  /**
   * Sends an event to the members. Waits for a connection, if there is none, and for the server's acknowledgement, over
   * as many connections as that takes. Fails with CONNECTION_LOST where the server may have done it, but cannot be
   * asked again without the risk of doing it twice; with QUEUE_FULL when too much waits. One that is volatile is sent
   * once, and fails at once when there is no connection.
   */
  async emit(event: string, data: Json = null, options: EmitOptions = {}): Promise<EmitResponse> {
    this.requireJoined();
    const bySession = this.returning || this.ownIds.includes(this.link.sessionId);
    const byComponent = bySession ? {} : { memberId: this.memberId };
    const request = { roomId: this.id, event, data, ...byComponent, ...options };
    return options.volatile ? this.link.request('emit', request) : this.link.keep('emit', this, request);
  }

  /** Calls a method of a typed room that is open to members; its result is what the method returns. Waits as `emit`. */
  async call<Result extends Json = Json>(method: string, args: JsonObject = {}): Promise<Result> {
    this.requireJoined();
    const { result } = await this.link.keep('call', this, { roomId: this.id, method, args });
    return result as Result;
  }

  /**
   * Merges an RFC 7396 patch into the state: a null removes its key. The change comes by `onState`, to all. Waits as
   * `emit`.
   */
  async setState(mergePatch: JsonObject): Promise<void> {
    this.requireJoined();
    await this.link.keep('setState', this, { roomId: this.id, state: mergePatch });
  }

  /** Leaves for good, as a session; its components leave by their actions (else FAILED_PRECONDITION). */
  async leave(): Promise<void> {
    const { sessionId } = this.link;
    const isIn = this.joined || this.returning;
    if (this.joined && !this.ownIds.includes(sessionId)) {
      throw new AtriumError(Code.FAILED_PRECONDITION, 'NOT_JOINED', `Only a component is in the room ${this.id}.`);
    }
    this.dropMember(sessionId);
    this.returning = false;
    this.link.onSessionLeft(this as unknown as Room);
    if (isIn) {
      await this.link.leave(this.id);
    }
  }

  /** @internal It was joined in a session that is over, and is being joined again. */
  get isReturning(): boolean {
    return this.returning;
  }

  /** @internal `isPushed`: nobody here has asked for it. */
  enter(snapshot: RoomSnapshot, isPushed: boolean): void {
    const isGap = this.returning ? !snapshot.recovered : isPushed && this.ownIds.includes(snapshot.memberId);
    this.returning = false;
    this.ownIds = [...new Set([...this.ownIds, snapshot.memberId])];
    this.take(snapshot, isGap);
  }

  /** @internal The session is over, and with it all that was in the room; `returning`: this client joins again. */
  suspend(returning: boolean): void {
    this.ownIds.forEach((id) => this.pastIds.add(id));
    this.returning = returning && (this.joined || this.returning);
    this.ownIds = [];
  }

  /** @internal */
  dropMember(memberId: string): void {
    this.ownIds = this.ownIds.filter((id) => id !== memberId);
  }

  /** @internal */
  exit(leaving: Leaving): void {
    this.ownIds = [];
    this.returning = false;
    this.leftListeners.call(leaving);
  }

  /** @internal The reply comes behind all patches that it contains. */
  protected override async fetchState(): Promise<Json> {
    const { state } = await this.link.request('getState', { roomId: this.id });
    return state ?? null;
  }

  /** @internal */
  protected override isOwn(memberId: string): boolean {
    return this.ownIds.includes(memberId) || this.pastIds.has(memberId);
  }

  /** @internal Its own: after a join with a position they come to all. */
  protected override isHidden(event: RoomEvent): boolean {
    const isReplay = event.offset !== undefined && this.pastIds.has(event.senderId ?? '');
    return isReplay && !this.link.takeEcho(event);
  }

  private requireJoined(): void {
    if (!this.joined && !this.returning) {
      throw notJoined(this.id);
    }
  }
}
