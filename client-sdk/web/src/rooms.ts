import { type AtriumError } from './error.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import type { JsonObject, Left, Replies, Requests, RoomSnapshot, ServerFrame } from './protocol.js';
import { Room } from './room.js';

export interface JoinOptions {
  /** The state of the room, if this join creates it. */
  initialState?: JsonObject;
}

/** What rooms and components need of their client. */
export interface Link {
  /** Empty unless online. */
  readonly sessionId: string;
  /** Fails at once with UNAVAILABLE when there is no connection. */
  request<Name extends keyof Replies>(name: Name, request: Requests[Name]): Promise<Replies[Name]>;
  /** Calls one of the two, before any frame that the server sent after its reply is passed on; none when offline. */
  call<Name extends keyof Replies>(
    name: Name,
    request: Requests[Name],
    succeed: (result: Replies[Name]) => void,
    fail: (error: AtriumError) => void,
  ): void;
  /** Gives up the connection, for another one that starts afresh. */
  abandon(why: string): void;
}

interface Entry {
  room: Room;
  /** False when a service or a component brought this client in: then only they can do it again. */
  own: boolean;
  options: JoinOptions;
  promise: Promise<Room>;
  resolve(room: Room): void;
  reject(error: AtriumError): void;
}

/** The rooms that a client is in or wants to be in, and the handles that it gave out. */
export class Rooms {
  private readonly entries = new Map<string, Entry>();
  private readonly handles = new Map<string, Room>();
  private readonly listeners = new Listeners<[Room]>();

  constructor(private readonly link: Link) {}

  get list(): Room[] {
    return [...this.entries.values()].map((entry) => entry.room);
  }

  onRoom(listener: (room: Room) => void): Unsubscribe {
    return this.listeners.add(listener);
  }

  /** The same object for the same id, each time that this client is in the room. */
  handle(roomId: string): Room {
    const room = this.entries.get(roomId)?.room ?? this.handles.get(roomId) ?? this.newRoom(roomId);
    this.handles.set(roomId, room);
    return room;
  }

  join(roomId: string, options: JoinOptions): Promise<Room> {
    let entry = this.entries.get(roomId);
    if (!entry || !(entry.own || entry.room.memberIds.includes(this.link.sessionId))) {
      entry = this.addEntry(roomId, true, options);
      this.sendJoin(entry);
    }
    return entry.promise;
  }

  /** There is a connection: joins all again. */
  resume(): void {
    for (const entry of [...this.entries.values()]) {
      this.sendJoin(entry);
    }
  }

  /** The connection is gone, and with it the rooms that this client did not join by itself: these. */
  suspend(): Room[] {
    const gone: Room[] = [];
    for (const [roomId, { room, own }] of [...this.entries]) {
      room.suspend();
      if (!own) {
        this.entries.delete(roomId);
        gone.push(room);
      }
    }
    return gone;
  }

  finish(error: AtriumError): void {
    const entries = [...this.entries.values()];
    this.entries.clear();
    for (const entry of entries) {
      entry.reject(error);
      entry.room.exit({ reason: 'LEAVE_REASON_DISCONNECT', error });
    }
  }

  receive(frame: ServerFrame): void {
    if (frame.snapshot) {
      this.receiveSnapshot(frame.snapshot);
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
      this.receiveLeft(room, frame.left);
    }
  }

  private newRoom(roomId: string): Room {
    const { link } = this;
    return new Room(roomId, {
      get sessionId() {
        return link.sessionId;
      },
      request: (name, request) => link.request(name, request),
      onSessionLeft: (room) => this.onSessionLeft(room),
    });
  }

  private addEntry(roomId: string, own: boolean, options: JoinOptions): Entry {
    const room = this.entries.get(roomId)?.room ?? this.handles.get(roomId) ?? this.newRoom(roomId);
    const entry = { room, own, options } as Entry;
    entry.promise = new Promise((resolve, reject) => {
      entry.resolve = resolve;
      entry.reject = reject;
    });
    entry.promise.catch(() => {}); // For the caller of join to handle, if there is one.
    this.entries.set(roomId, entry);
    return entry;
  }

  private sendJoin(entry: Entry): void {
    const roomId = entry.room.id;
    this.link.call(
      'join',
      { roomId, ...entry.options },
      (snapshot) => {
        if (this.entries.get(roomId) === entry) {
          entry.room.enter(snapshot);
          entry.resolve(entry.room);
        } else if (!this.entries.get(roomId)?.own) {
          this.link.request('leave', { roomId }).catch(() => {}); // Left while the join was under way.
        }
      },
      (error) => {
        if (error.isLoss || this.entries.get(roomId) !== entry) {
          return; // The next connection joins again.
        }
        entry.reject(error);
        this.onSessionLeft(entry.room);
        if (!entry.room.joined) {
          entry.room.exit({ reason: 'LEAVE_REASON_UNSPECIFIED', error });
        }
      },
    );
  }

  private receiveSnapshot(snapshot: RoomSnapshot): void {
    const known = this.entries.get(snapshot.room.id);
    const entry = known ?? this.addEntry(snapshot.room.id, false, {});
    entry.room.enter(snapshot);
    if (!entry.own || snapshot.memberId === this.link.sessionId) {
      entry.resolve(entry.room);
    }
    if (!known) {
      this.listeners.call(entry.room);
    }
  }

  private receiveLeft(room: Room, left: Left): void {
    room.dropMember(left.memberId ?? room.memberId);
    if (left.memberId === this.link.sessionId) {
      this.onSessionLeft(room);
    }
    if (!room.joined) {
      this.entries.delete(room.id);
      room.exit({ reason: left.reason ?? 'LEAVE_REASON_UNSPECIFIED' });
    }
  }

  // Components may still be in it.
  private onSessionLeft(room: Room): void {
    const entry = this.entries.get(room.id);
    if (entry?.room !== room) {
      return;
    }
    if (room.joined) {
      entry.own = false;
    } else {
      this.entries.delete(room.id);
    }
  }
}
