import { AtriumError, Code } from './error.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import { applyPatch } from './patch.js';
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
  /** Empty unless online. */
  readonly sessionId: string;
  request<Name extends keyof Replies>(name: Name, request: Requests[Name]): Promise<Replies[Name]>;
  /** This session has left `room`; a component of it may still be there. */
  onSessionLeft(room: Room): void;
}

/**
 * A room as this client sees it, which is in it as a session, by components of it, or both. After a lost connection
 * a room that was joined by `AtriumClient.join` is joined again; until then `joined` is false and the rest is as it
 * was last seen.
 */
export class Room<State = JsonObject> {
  private readonly events = new Map<string, Listeners<[EventData, EventMeta]>>();
  private readonly stateListeners = new Listeners<[State, readonly PatchOperation[]]>();
  private readonly memberListeners = new Listeners<[readonly Member[], number]>();
  private readonly leftListeners = new Listeners<[Leaving]>();
  private document: Json = {};
  private roster: readonly Member[] = [];
  private total = 0;
  private place: Position = { epoch: '', offset: '0' };
  private resyncing = false;
  private ownIds: readonly string[] = [];
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

  /** This client's id among the members; empty when not joined. It is another one after each reconnect. */
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

  /** Who is here, this client included. Incomplete or empty when `count` is above 200. */
  get members(): readonly Member[] {
    return this.roster;
  }

  get count(): number {
    return this.total;
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

  /** Sends an event to the members. Fails at once with UNAVAILABLE when there is no connection. */
  async emit(event: string, data: Json = null, options: EmitOptions = {}): Promise<EmitResponse> {
    this.requireJoined();
    const byComponent = this.ownIds.includes(this.link.sessionId) ? {} : { memberId: this.memberId };
    return this.link.request('emit', { roomId: this.id, event, data, ...byComponent, ...options });
  }

  /** Calls a method of a typed room that is open to members; its result is what the method returns. */
  async call<Result extends Json = Json>(method: string, args: JsonObject = {}): Promise<Result> {
    this.requireJoined();
    const { result } = await this.link.request('call', { roomId: this.id, method, args });
    return result as Result;
  }

  /** Merges an RFC 7396 patch into the state: a null removes its key. The change comes by `onState`, to all. */
  async setState(mergePatch: JsonObject): Promise<void> {
    this.requireJoined();
    await this.link.request('setState', { roomId: this.id, state: mergePatch });
  }

  /** Leaves for good, as a session; its components leave by their actions (else FAILED_PRECONDITION). */
  async leave(): Promise<void> {
    const { sessionId } = this.link;
    const wasJoined = this.joined;
    if (wasJoined && !this.ownIds.includes(sessionId)) {
      throw new AtriumError(Code.FAILED_PRECONDITION, 'NOT_JOINED', `Only a component is in the room ${this.id}.`);
    }
    this.dropMember(sessionId);
    this.link.onSessionLeft(this as unknown as Room);
    if (wasJoined) {
      await this.link.request('leave', { roomId: this.id });
    }
  }

  /** @internal */
  enter(snapshot: RoomSnapshot): void {
    this.resyncing = false;
    this.description = snapshot.room;
    this.ownIds = [...new Set([...this.ownIds, snapshot.memberId])];
    this.document = snapshot.state ?? null;
    this.place = snapshot.position ?? this.place;
    this.roster = snapshot.members ?? [];
    this.total = snapshot.room.memberCount ?? this.roster.length;
    this.stateListeners.call(this.state, []);
    this.memberListeners.call(this.roster, this.total);
  }

  /** @internal The connection is gone. */
  suspend(): void {
    this.ownIds = [];
  }

  /** @internal */
  dropMember(memberId: string): void {
    this.ownIds = this.ownIds.filter((id) => id !== memberId);
  }

  /** @internal */
  exit(leaving: Leaving): void {
    this.ownIds = [];
    this.leftListeners.call(leaving);
  }

  /** @internal */
  receiveEvent(frame: RoomEvent): void {
    this.advance(frame.offset);
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
    this.advance(frame.offset);
    if (this.resyncing) {
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
    this.advance(frame.offset);
    const joined = frame.joined ?? [];
    const left = frame.left ?? [];
    const changed = new Map((frame.changed ?? []).map((member) => [member.id, member]));
    const moved = new Set([...joined, ...left.map((departure) => departure.member)].map((member) => member.id));
    const roster = this.roster.map((member) => changed.get(member.id) ?? member);
    this.total = frame.count ?? 0;
    this.roster = [...roster.filter((member) => !moved.has(member.id)), ...joined];
    if (moved.size === 0 && roster.length !== this.total) {
      this.roster = []; // Too many to be listed.
    }
    this.memberListeners.call(this.roster, this.total);

    let count = this.total - joined.length + left.length;
    for (const member of joined) {
      this.tellPresence('$sub:join', member.id, ++count);
    }
    for (const { member } of left) {
      this.tellPresence('$sub:leave', member.id, --count);
    }
  }

  private tellPresence(event: string, subscriberId: string, count: number): void {
    const meta = { event, roomId: this.id, offset: '', senderId: '', senderUserId: '', time: new Date() };
    this.tell({ subscriberId, count }, meta);
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
      () => {
        this.resyncing = false; // The next patch that does not fit tries again.
      },
    );
  }

  private advance(offset: string | undefined): void {
    if (offset !== undefined) {
      this.place = { epoch: this.place.epoch, offset };
    }
  }

  private requireJoined(): void {
    if (!this.joined) {
      throw new AtriumError(Code.UNAVAILABLE, 'NOT_JOINED', `Not in the room ${this.id} at the moment.`);
    }
  }
}
