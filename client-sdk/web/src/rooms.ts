import { Code, type AtriumError } from './error.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import type { Pending, PendingLink } from './pending.js';
import type { JsonObject, Left, Replies, Requests, RoomPosition, RoomSnapshot, ServerFrame } from './protocol.js';
import { Room, type Leaving } from './room.js';

export interface JoinOptions {
  /** The state of the room, if this join creates it. */
  initialState?: JsonObject;
}

/** What rooms and components need of their client. */
export interface Link extends Pick<PendingLink, 'call'> {
  /** Of the session that this client has, or had last; empty before the first. */
  readonly sessionId: string;
  readonly pending: Pending;
  /** Fails at once with UNAVAILABLE when there is no connection. */
  request<Name extends keyof Replies>(name: Name, request: Requests[Name]): Promise<Replies[Name]>;
  /** Gives up the connection, for another one. */
  abandon(why: string): void;
}

// After the server said that joins come too fast: milliseconds.
const kPause = 1000;

// A leave that the server has not acknowledged.
interface Leave {
  roomId: string;
  finish(): void;
  fail(error: AtriumError): void;
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
  private readonly leaves = new Set<Leave>();
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

  /** What the server is told when the session is to go on. */
  get known(): RoomPosition[] {
    const joined = this.list.filter((room) => room.joined && room.known);
    return joined.map((room) => ({ roomId: room.id, position: room.known! }));
  }

  /** The session goes on over another connection: asks again what was not answered. */
  goOn(): void {
    for (const leave of [...this.leaves]) {
      this.sendLeave(leave);
    }
    for (const entry of [...this.entries.values()]) {
      entry.room.goOn();
      if (entry.own && !entry.room.memberIds.includes(this.link.sessionId)) {
        this.sendJoin(entry);
      }
    }
  }

  /** There is another session: joins all again. Rooms that this client did not join by itself are gone. */
  startAnew(): void {
    this.finishLeaves();
    const gone: Room[] = [];
    for (const entry of [...this.entries.values()]) {
      entry.room.suspend(entry.own);
      if (entry.own) {
        this.sendJoin(entry);
      } else {
        this.entries.delete(entry.room.id);
        gone.push(entry.room);
      }
    }
    for (const room of gone) {
      this.exit(room, { reason: 'LEAVE_REASON_DISCONNECT' });
    }
  }

  finish(error: AtriumError): void {
    const entries = [...this.entries.values()];
    this.entries.clear();
    this.finishLeaves();
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
      keep: (name, room, request) => link.pending.add(name, room, request),
      takeEcho: (event) => link.pending.takeEcho(event),
      leave: (id) => this.leave(id),
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
    const since = entry.room.isReturning ? entry.room.known : undefined;
    this.link.call(
      'join',
      { roomId, ...entry.options, ...(since && { since }) },
      (snapshot) => {
        if (this.entries.get(roomId) === entry) {
          entry.room.enter(snapshot, false);
          entry.resolve(entry.room);
          this.link.pending.flush();
        } else if (!this.entries.get(roomId)?.own) {
          this.leave(roomId).catch(() => {}); // Left while the join was under way.
        }
      },
      (error) => {
        if (error.isLoss || this.entries.get(roomId) !== entry) {
          return; // The next connection joins again.
        }
        if (error.reason === 'RATE_LIMITED' && entry.room.isReturning) {
          setTimeout(() => entry.room.isReturning && this.sendJoin(entry), kPause); // So many rooms at once.
          return;
        }
        entry.reject(error);
        this.onSessionLeft(entry.room);
        if (!entry.room.joined) {
          this.exit(entry.room, { reason: 'LEAVE_REASON_UNSPECIFIED', error });
        }
      },
    );
  }

  private receiveSnapshot(snapshot: RoomSnapshot): void {
    const known = this.entries.get(snapshot.room.id);
    const entry = known ?? this.addEntry(snapshot.room.id, false, {});
    entry.room.enter(snapshot, true);
    if (!entry.own || snapshot.memberId === this.link.sessionId) {
      entry.resolve(entry.room);
    }
    if (!known) {
      this.listeners.call(entry.room);
    }
    this.link.pending.flush();
  }

  private leave(roomId: string): Promise<void> {
    return new Promise((finish, fail) => {
      const leave = { roomId, finish, fail };
      this.leaves.add(leave);
      this.sendLeave(leave);
    });
  }

  private sendLeave(leave: Leave): void {
    const finish = () => this.leaves.delete(leave) && leave.finish();
    this.link.call('leave', { roomId: leave.roomId }, finish, (error) => {
      if (error.code === Code.NOT_FOUND) {
        finish(); // Done over the last connection.
      } else if (!error.isLoss && this.leaves.delete(leave)) {
        leave.fail(error);
      }
    });
  }

  // Whoever has no session any more has left.
  private finishLeaves(): void {
    this.leaves.forEach((leave) => leave.finish());
    this.leaves.clear();
  }

  private exit(room: Room, leaving: Leaving): void {
    room.exit(leaving);
    this.link.pending.drop(room);
  }

  private receiveLeft(room: Room, left: Left): void {
    const memberId = left.memberId ?? room.memberId;
    const entry = this.entries.get(room.id)!;
    if (entry.own && memberId === this.link.sessionId && left.reason === 'LEAVE_REASON_DISCONNECT') {
      this.comeBack(entry);
      return;
    }
    room.dropMember(memberId);
    if (memberId === this.link.sessionId) {
      this.onSessionLeft(room);
    }
    if (!room.joined) {
      this.entries.delete(room.id);
      this.exit(room, { reason: left.reason ?? 'LEAVE_REASON_UNSPECIFIED' });
    }
  }

  // This client was without a connection for longer than the room waits.
  private comeBack(entry: Entry): void {
    entry.room.suspend(true);
    this.sendJoin(entry);
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
      this.link.pending.drop(room);
    }
  }
}
