import { AtriumError, Code } from './error.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import { applyPatch } from './patch.js';
import { notJoined, type Repeatable, type Target } from './pending.js';
import { Roster } from './roster.js';
import { bytesOf } from './protocol.js';
import type {
  EmitResponse,
  Json,
  JsonObject,
  LeaveReason,
  Member,
  MemberChange,
  PatchOperation,
  Position,
  Replies,
  Requests,
  RoomEvent,
  RoomInfo,
  RoomSnapshot,
  StatePatch,
} from './protocol.js';

/** What the server says of an event, beside its data. */
export interface EventMeta {
  event: string;
  roomId: string;
  /** Its place in the room's history: a 64-bit count in decimal. Empty for volatile and `$sub:` events. */
  offset: string;
  /** The member that emitted it, by the server's word; empty for a service. */
  senderId: string;
  senderUserId: string;
  time: Date;
}

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

/** The data of `$sub:join` and `$sub:leave`. */
export interface Presence {
  subscriberId: string;
  /** Members after it. */
  count: number;
}

/** A `Uint8Array` where the server sent bytes. */
export type EventData = Json | Uint8Array;

export type EventListener<Data> = (data: Data, meta: EventMeta) => void;

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
export class Room<State = JsonObject> {
  private readonly events = new Map<string, Listeners<[EventData, EventMeta]>>();
  private readonly stateListeners = new Listeners<[State, readonly PatchOperation[]]>();
  private readonly memberListeners = new Listeners<[readonly Member[], number]>();
  private readonly leftListeners = new Listeners<[Leaving]>();
  private readonly gapListeners = new Listeners<[]>();
  private document: Json = {};
  private readonly roster = new Roster();
  private place: Position = { epoch: '', offset: '0' };
  private resyncing = false;
  private returning = false;
  private ownIds: readonly string[] = [];
  private readonly pastIds = new Set<string>();
  private description: RoomInfo;

  /** @internal Rooms come from `AtriumClient`. */
  constructor(
    readonly id: string,
    private readonly link: RoomLink,
  ) {
    this.description = { id };
  }

  /** Type, limit and times, as of the last join. */
  get info(): RoomInfo {
    return this.description;
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

  /** The shared state. Never changed in place: each patch makes a new one, which shares what did not change. */
  get state(): State {
    return this.document as unknown as State;
  }

  /**
   * Who is here, this client included; those that have lost their connection and may come back are not `connected`.
   * Incomplete or empty when `count` is above 200.
   */
  get members(): readonly Member[] {
    return this.roster.members;
  }

  get count(): number {
    return this.roster.count;
  }

  /** Of the last frame that was seen. */
  get position(): Position {
    return this.place;
  }

  /**
   * Calls `listener` for each event of this name; `*` is every name. `$sub:join` and `$sub:leave` come with
   * `{subscriberId, count}`, in rooms of up to 200. Bytes come as `Uint8Array`.
   */
  on(event: '$sub:join' | '$sub:leave', listener: EventListener<Presence>): Unsubscribe;
  on(event: '*', listener: EventListener<EventData>): Unsubscribe;
  on<Data = Json>(event: string, listener: EventListener<Data>): Unsubscribe;
  on(event: string, listener: EventListener<never>): Unsubscribe {
    let listeners = this.events.get(event);
    if (!listeners) {
      listeners = new Listeners();
      this.events.set(event, listeners);
    }
    return listeners.add(listener as unknown as EventListener<EventData>);
  }

  /** Calls `listener` after each change of the state; `operations` is empty when it came whole, after a join. */
  onState(listener: (state: State, operations: readonly PatchOperation[]) => void): Unsubscribe {
    return this.stateListeners.add(listener);
  }

  onMembers(listener: (members: readonly Member[], count: number) => void): Unsubscribe {
    return this.memberListeners.add(listener);
  }

  /** Calls `listener` when this client is not in the room any more, other than by `leave`. */
  onLeft(listener: (leaving: Leaving) => void): Unsubscribe {
    return this.leftListeners.add(listener);
  }

  /**
   * Calls `listener` when this client has missed frames that the server does not have any more, or not for a client as
   * slow as this: state and members are what they are now, the events are lost.
   */
  onGap(listener: () => void): Unsubscribe {
    return this.gapListeners.add(listener);
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

  /** @internal What this client has of the room, and could go on from. */
  get known(): Position | undefined {
    return this.place.epoch === '' ? undefined : this.place;
  }

  /** @internal It was joined in a session that is over, and is being joined again. */
  get isReturning(): boolean {
    return this.returning;
  }

  /** @internal `isPushed`: nobody here has asked for it. */
  enter(snapshot: RoomSnapshot, isPushed: boolean): void {
    const isGap = this.returning ? !snapshot.recovered : isPushed && this.ownIds.includes(snapshot.memberId);
    this.returning = false;
    this.description = snapshot.room;
    this.ownIds = [...new Set([...this.ownIds, snapshot.memberId])];
    this.place = snapshot.position ?? this.place;
    if (snapshot.recovered) {
      this.goOn();
    } else {
      this.resyncing = false;
      this.document = snapshot.state ?? null;
      const members = snapshot.members ?? [];
      this.roster.replace(members, snapshot.room.memberCount ?? members.length);
      this.stateListeners.call(this.state, []);
    }
    this.memberListeners.call(this.members, this.count);
    if (isGap) {
      this.gapListeners.call();
    }
  }

  /** @internal What was missed comes: asks again for what is behind that. */
  goOn(): void {
    if (this.resyncing) {
      this.resync();
    }
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

  /** @internal */
  receiveEvent(frame: RoomEvent): void {
    if (!this.advance(frame.offset)) {
      return;
    }
    const isReplay = frame.offset !== undefined && this.pastIds.has(frame.senderId ?? '');
    if (isReplay && !this.link.takeEcho(frame)) {
      return; // Its own: after a join with a position they come to all.
    }
    this.tell(frame.binary === undefined ? (frame.data ?? null) : bytesOf(frame.binary), {
      event: frame.event,
      roomId: this.id,
      offset: frame.offset ?? '',
      senderId: frame.senderId ?? '',
      senderUserId: frame.senderUserId ?? '',
      time: frame.time ? new Date(frame.time) : new Date(),
    });
  }

  /** @internal */
  receivePatch(frame: StatePatch): void {
    if (!this.advance(frame.offset) || this.resyncing) {
      return; // In the state that is on its way.
    }
    const operations = frame.operations ?? [];
    try {
      this.document = applyPatch(this.document, operations);
    } catch {
      this.resync();
      return;
    }
    this.stateListeners.call(this.state, operations);
  }

  /** @internal */
  receiveMembers(frame: MemberChange): void {
    if (!this.advance(frame.offset)) {
      return;
    }
    const arrivals = this.roster.change(frame);
    this.memberListeners.call(this.members, this.count);
    for (const { event, subscriberId, count } of arrivals) {
      const isOwn = this.ownIds.includes(subscriberId) || this.pastIds.has(subscriberId);
      const meta = { event, roomId: this.id, offset: '', senderId: '', senderUserId: '', time: new Date() };
      if (!isOwn) {
        this.tell({ subscriberId, count }, meta);
      }
    }
  }

  private tell(data: EventData, meta: EventMeta): void {
    this.events.get(meta.event)?.call(data, meta);
    if (meta.event !== '*') {
      this.events.get('*')?.call(data, meta);
    }
  }

  // The reply comes behind all patches that it contains.
  private resync(): void {
    this.resyncing = true;
    this.link.request('getState', { roomId: this.id }).then(
      (reply) => {
        if (this.resyncing) {
          this.resyncing = false;
          this.document = reply.state ?? null;
          this.stateListeners.call(this.state, []);
        }
      },
      (error: AtriumError) => {
        // The next session, or else the next patch that does not fit, tries again.
        this.resyncing = this.resyncing && error.isLoss;
      },
    );
  }

  // False: it has been here before.
  private advance(offset: string | undefined): boolean {
    if (offset === undefined) {
      return true;
    }
    if (BigInt(offset) <= BigInt(this.place.offset)) {
      return false;
    }
    this.place = { epoch: this.place.epoch, offset };
    return true;
  }

  private requireJoined(): void {
    if (!this.joined && !this.returning) {
      throw notJoined(this.id);
    }
  }
}
