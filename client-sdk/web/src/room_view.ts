import type { AtriumError } from './error.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import { applyPatch } from './patch.js';
import { Roster } from './roster.js';
import { bytesOf } from './protocol.js';
import type {
  Json,
  JsonObject,
  Member,
  MemberChange,
  PatchOperation,
  Position,
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

/** The data of `$sub:join` and `$sub:leave`. */
export interface Presence {
  subscriberId: string;
  /** Members after it. */
  count: number;
}

/** A `Uint8Array` where the server sent bytes. */
export type EventData = Json | Uint8Array;

export type EventListener<Data> = (data: Data, meta: EventMeta) => void;

/** What is seen of a room, as a member or from outside. */
export abstract class RoomView<State = JsonObject> {
  private readonly events = new Map<string, Listeners<[EventData, EventMeta]>>();
  private readonly stateListeners = new Listeners<[State, readonly PatchOperation[]]>();
  private readonly memberListeners = new Listeners<[readonly Member[], number]>();
  private readonly gapListeners = new Listeners<[]>();
  private document: Json = {};
  private readonly roster = new Roster();
  private place: Position = { epoch: '', offset: '0' };
  private resyncing = false;
  private description: RoomInfo;

  /** @internal */
  constructor(readonly id: string) {
    this.description = { id };
  }

  /** Type, limit and times, as of when it was seen whole. */
  get info(): RoomInfo {
    return this.description;
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

  /**
   * Calls `listener` when this client has missed frames that the server does not have any more, or not for a client as
   * slow as this: state and members are what they are now, the events are lost.
   */
  onGap(listener: () => void): Unsubscribe {
    return this.gapListeners.add(listener);
  }

  /** @internal What this client has of the room, and could go on from. */
  get known(): Position | undefined {
    return this.place.epoch === '' ? undefined : this.place;
  }

  /** @internal The state behind all patches that came. */
  protected abstract fetchState(): Promise<Json>;

  /** @internal Whether it is this client. */
  protected isOwn(_memberId: string): boolean {
    return false;
  }

  /** @internal Whether nobody here is to be told of it. */
  protected isHidden(_event: RoomEvent): boolean {
    return false;
  }

  /** @internal `isGap`: events were lost. */
  protected take(snapshot: RoomSnapshot, isGap: boolean): void {
    this.description = snapshot.room;
    this.place = snapshot.position ? { ...snapshot.position, offset: snapshot.position.offset ?? '0' } : this.place;
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

  /** @internal */
  receiveEvent(frame: RoomEvent): void {
    if (!this.advance(frame.offset) || this.isHidden(frame)) {
      return;
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
      const meta = { event, roomId: this.id, offset: '', senderId: '', senderUserId: '', time: new Date() };
      if (!this.isOwn(subscriberId)) {
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

  private resync(): void {
    this.resyncing = true;
    this.fetchState().then(
      (state) => {
        if (this.resyncing) {
          this.resyncing = false;
          this.document = state;
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
}
