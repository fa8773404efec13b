import { AtriumClient, type Json, type JsonObject, type Member, type Room, type StatusInfo } from '../src/index.js';
import type { ConnectionStatus, EventMeta, PatchOperation } from '../src/index.js';

export const ROOMS = ['geral', 'tech', 'random'] as const;
export type RoomName = (typeof ROOMS)[number];

/** One line of a room's conversation. */
export interface Line {
  key: number;
  time: Date;
  /** `own`: sent here. `member`: by a member, whose name the server attests. `service`: by a backend. */
  kind: 'own' | 'member' | 'service' | 'notice';
  user: string;
  text: string;
}

/** What the activity panel shows of a frame. */
export interface Activity {
  key: number;
  time: Date;
  kind: 'event' | 'patch' | 'presence' | 'connection';
  room: string;
  title: string;
  detail: string;
  offset: string;
}

export interface RoomView {
  joined: boolean;
  topic: string;
  members: readonly Member[];
  count: number;
  memberId: string;
  lines: readonly Line[];
  unread: number;
}

/** All that the page shows. Replaced, never changed. */
export interface ChatView {
  status: ConnectionStatus;
  info: StatusInfo;
  current: RoomName;
  rooms: Record<RoomName, RoomView>;
  activity: readonly Activity[];
}

const kLines = 300;
const kActivities = 100;
const kDetail = 400;

let lastKey = 0;

export function emptyView(): ChatView {
  const room: RoomView = { joined: false, topic: '', members: [], count: 0, memberId: '', lines: [], unread: 0 };
  return {
    status: 'connecting',
    info: {},
    current: 'geral',
    rooms: { geral: room, tech: room, random: room },
    activity: [],
  };
}

/** A user in the rooms of this page: turns what the client tells into views. */
export class Chat {
  private readonly client: AtriumClient;
  private readonly rooms = new Map<RoomName, Room>();
  private readonly names = new Map<string, string>();

  /** Goes on from `view`; calls `show` with each new view. */
  constructor(
    readonly user: string,
    private view: ChatView,
    private readonly show: (view: ChatView) => void,
  ) {
    this.client = new AtriumClient({ token: user, client: 'atrium-demo/0.1.0' });
    this.client.onStatus((status, info) => this.onStatus(status, info));
    for (const name of ROOMS) {
      // A refusal is told by onStatus or stays visible as a room that is not joined.
      this.client.join(name, { initialState: { topic: kTopics[name] } }).then(
        (room) => this.enter(name, room),
        () => {},
      );
    }
  }

  close(): void {
    this.client.close();
  }

  reconnect(): void {
    this.client.connect();
  }

  select(current: RoomName): void {
    this.update({ current });
    this.updateRoom(current, { unread: 0 });
  }

  /** Fails when there is no connection. */
  async send(name: RoomName, text: string): Promise<void> {
    const id = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join(
      '',
    );
    const data = { id, user: this.user, text, timestamp: new Date().toISOString() };
    await this.room(name).emit('message:new', data, { includeSelf: true });
  }

  async setTopic(name: RoomName, topic: string): Promise<void> {
    await this.room(name).setState({ topic });
  }

  private room(name: RoomName): Room {
    const room = this.rooms.get(name);
    if (!room) {
      throw new Error(`not in ${name} yet`);
    }
    return room;
  }

  private enter(name: RoomName, room: Room): void {
    this.rooms.set(name, room);
    const showState = (state: JsonObject) => this.updateRoom(name, { topic: textOf(state?.['topic']) });
    const showMembers = () => {
      room.members.forEach((member) => this.names.set(member.id, nameOf(member)));
      const { joined, members, count, memberId } = room;
      this.updateRoom(name, { joined, members, count, memberId });
    };
    showState(room.state);
    showMembers();
    room.onState((state, operations) => {
      showState(state);
      operations.forEach((operation) => this.logPatch(name, room, operation));
    });
    room.onMembers(showMembers);
    room.on('*', (data, meta) => this.onEvent(name, room, data, meta));
    room.onLeft(() => this.updateRoom(name, { joined: false, members: [], count: 0 }));
  }

  private onStatus(status: ConnectionStatus, info: StatusInfo): void {
    const lost = status === 'offline' && this.view.status === 'online';
    this.update({ status, info });
    if (status !== 'online') {
      ROOMS.forEach((name) => this.updateRoom(name, { joined: false }));
    }
    const detail = status === 'online' ? `session ${this.client.sessionId}` : (info.error?.message ?? '');
    if (lost || status === 'online' || (status === 'closed' && info.error?.reason !== 'CLOSED')) {
      this.log({ kind: 'connection', room: '', title: status, detail, offset: '' });
    }
  }

  private onEvent(name: RoomName, room: Room, data: Json, meta: EventMeta): void {
    if (meta.event === '$sub:join' || meta.event === '$sub:leave') {
      this.onPresence(name, data as { subscriberId: string }, meta);
      return;
    }
    const message = meta.event === 'message:new' ? messageOf(data) : undefined;
    if (message) {
      const kind = meta.senderId === '' ? 'service' : meta.senderId === room.memberId ? 'own' : 'member';
      const user = meta.senderUserId || message.user || 'unknown';
      this.addLine(name, { kind, user, text: message.text, time: meta.time });
    }
    this.log({ kind: 'event', room: name, title: meta.event, detail: brief(data), offset: meta.offset });
  }

  private onPresence(name: RoomName, { subscriberId }: { subscriberId: string }, meta: EventMeta): void {
    const who = this.names.get(subscriberId) ?? subscriberId;
    const verb = meta.event === '$sub:join' ? 'joined' : 'left';
    this.addLine(name, { kind: 'notice', user: '', text: `${who} ${verb}`, time: meta.time });
    this.log({ kind: 'presence', room: name, title: verb, detail: who, offset: '' });
  }

  private logPatch(name: RoomName, room: Room, { op, path, value }: PatchOperation): void {
    const detail = op === 'remove' ? '' : brief(value ?? null);
    this.log({ kind: 'patch', room: name, title: `${op} ${path}`, detail, offset: room.position.offset });
  }

  private addLine(name: RoomName, line: Omit<Line, 'key'>): void {
    const { lines, unread } = this.view.rooms[name];
    const isNews = line.kind !== 'notice' && line.kind !== 'own' && name !== this.view.current;
    this.updateRoom(name, {
      lines: [...lines.slice(1 - kLines), { ...line, key: ++lastKey }],
      unread: unread + (isNews ? 1 : 0),
    });
  }

  private log(activity: Omit<Activity, 'key' | 'time'>): void {
    const entry = { ...activity, key: ++lastKey, time: new Date() };
    this.update({ activity: [entry, ...this.view.activity.slice(0, kActivities - 1)] });
  }

  private updateRoom(name: RoomName, change: Partial<RoomView>): void {
    this.update({ rooms: { ...this.view.rooms, [name]: { ...this.view.rooms[name], ...change } } });
  }

  private update(change: Partial<ChatView>): void {
    this.view = { ...this.view, ...change };
    this.show(this.view);
  }
}

const kTopics: Record<RoomName, string> = {
  geral: 'Everyone is here',
  tech: 'Builds, deploys and webhooks',
  random: 'Anything goes',
};

export function nameOf(member: Member): string {
  return member.userId || 'anonymous';
}

function messageOf(data: Json): { user: string; text: string } | undefined {
  if (data === null || typeof data !== 'object' || Array.isArray(data) || typeof data['text'] !== 'string') {
    return undefined;
  }
  return { user: textOf(data['user']), text: data['text'] };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function brief(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > kDetail ? `${text.slice(0, kDetail)}…` : text;
}
