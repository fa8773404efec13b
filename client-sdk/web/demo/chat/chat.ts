import type { AtriumError, Component, Room } from '../../src/index.js';
import type {
  ChatState,
  DirectoryState,
  LiveRoomChatActions,
  LiveRoomChatState,
  Outcome,
  RoomEntry,
} from '../contracts.js';
import type { Session, SessionView } from '../session.js';
import { Store } from '../store.js';
import { chatRoomId, Conversation } from './conversation_store.js';
import { Outbox } from './outbox.js';

export interface ListedRoom extends RoomEntry {
  joined: boolean;
}

export interface ChatView {
  /** The component is there and in its rooms. */
  ready: boolean;
  /** The room that is shown; empty: none. */
  active: string;
  rooms: readonly ListedRoom[];
  /** Messages in all rooms that came while nobody looked. */
  unread: number;
  /** Why there is no chat; empty: nothing is wrong. */
  problem: string;
}

/** The rooms to be in and, for private ones, their passwords: kept in this page only, for the next connection. */
export interface Wanted {
  rooms: Map<string, string>;
  active: string;
}

const kDirectory = 'directory:main';
const kDirectoryWait = 3000;
const kPresets: readonly RoomEntry[] = ['geral', 'tech', 'random'].map((id) => ({ id, name: id, isPrivate: false }));

export function firstWanted(): Wanted {
  return { rooms: new Map(kPresets.map(({ id }) => [id, ''])), active: 'geral' };
}

/** A user's chat rooms, by a `LiveRoomChat`. */
export class Chat extends Store<ChatView> {
  /** Messages of this user that are not known to be in their rooms. */
  readonly outbox: Outbox;
  private readonly conversations = new Map<string, Conversation>();
  private readonly directory: Room<DirectoryState>;
  private component: Component<LiveRoomChatState, LiveRoomChatActions> | undefined;
  // The component is in all rooms that it should be in.
  private restored = false;

  constructor(
    private readonly session: Session,
    private readonly wanted: Wanted,
  ) {
    super({ ready: false, active: wanted.active, rooms: [], unread: 0, problem: '' });
    this.directory = session.client.room<DirectoryState>(kDirectory);
    this.directory.onState(() => this.show());
    this.outbox = new Outbox(
      () => this.view.ready,
      ({ room, text, key }) => this.component!.call('sendMessage', { roomId: room, text, idempotencyKey: key }),
    );
    session.subscribe(() => this.onStatus(session.view));
    this.show();
    void this.mount();
  }

  conversation(id: string): Conversation {
    let conversation = this.conversations.get(id);
    if (!conversation) {
      conversation = new Conversation(this.session.client.room<ChatState>(chatRoomId(id)));
      this.conversations.set(id, conversation);
      conversation.subscribe(() => this.count());
    }
    return conversation;
  }

  /** Shows a room, and joins it where needed. What went wrong, or nothing. */
  async open(id: string, password = ''): Promise<string> {
    const isIn = this.component?.state.rooms.some((room) => room.id === id);
    const problem = await this.ask((chat) =>
      isIn ? chat.call('switchRoom', { roomId: id }) : chat.call('joinRoom', { roomId: id, ...secret(password) }),
    );
    if (!problem) {
      this.keep(id, isIn ? (this.wanted.rooms.get(id) ?? '') : password);
    }
    return problem;
  }

  async create(id: string, name: string, password: string): Promise<string> {
    const problem = await this.ask((chat) =>
      chat.call('createRoom', { roomId: id, roomName: name, ...secret(password) }),
    );
    if (!problem) {
      this.keep(id, password);
    }
    return problem;
  }

  async leave(id: string): Promise<string> {
    this.wanted.rooms.delete(id);
    return this.ask((chat) => chat.call('leaveRoom', { roomId: id }));
  }

  /** Sends to the room that is shown, when there is a connection. */
  async send(text: string): Promise<string> {
    return this.outbox.send(this.view.active, text);
  }

  private onStatus({ status, info }: SessionView): void {
    if (status !== 'online') {
      this.update({ ready: false });
    } else if (info.resumed && this.restored) {
      this.getReady();
    } else if (info.resumed && this.component?.mounted) {
      void this.restore();
    }
  }

  private getReady(): void {
    this.update({ ready: true });
    this.show();
    void this.outbox.flush();
  }

  private async mount(): Promise<void> {
    const { client, log, user } = this.session;
    const fail = ({ reason, message }: AtriumError) => this.update({ problem: reason === 'CLOSED' ? '' : message });
    try {
      this.component = await client.mount('LiveRoomChat', { state: { username: user } });
    } catch (error) {
      fail(error as AtriumError);
      return;
    }
    this.component.onEnd(fail);
    log.watchComponent(this.component);
    this.component.onState(() => this.show());
    this.component.onMount(() => {
      this.restored = false;
      void this.restore();
    });
    await this.restore();
  }

  // A component that was mounted anew is in no chat room yet.
  private async restore(): Promise<void> {
    const { id } = this.component!;
    const { connections } = this.session;
    const isCurrent = () =>
      this.component?.id === id && this.session.connections === connections && this.session.view.status === 'online';
    const { active } = this.wanted;
    await this.directoryIsThere();
    const listed = new Set([...kPresets, ...this.listed()].map((room) => room.id));
    // One by one: their order in the component decides which is next when one is left.
    for (const [roomId, password] of [...this.wanted.rooms]) {
      const problem = listed.has(roomId)
        ? await this.ask((chat) => chat.call('joinRoom', { roomId, ...secret(password) }))
        : 'It is gone.';
      if (!isCurrent()) {
        return;
      }
      if (problem) {
        this.wanted.rooms.delete(roomId);
      }
    }
    const [first = ''] = this.wanted.rooms.keys();
    this.wanted.active = this.wanted.rooms.has(active) ? active : first;
    await this.ask((chat) => chat.call('switchRoom', { roomId: this.wanted.active }));
    if (isCurrent()) {
      this.restored = true;
      this.getReady();
    }
  }

  private async directoryIsThere(): Promise<void> {
    if (this.directory.joined) {
      return;
    }
    await new Promise<void>((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        stop();
        resolve();
      };
      const timer = setTimeout(finish, kDirectoryWait);
      const stop = this.directory.onState(finish);
    });
  }

  private async ask(
    action: (chat: Component<LiveRoomChatState, LiveRoomChatActions>) => Promise<Outcome>,
  ): Promise<string> {
    if (!this.component) {
      return 'There is no connection to the server.';
    }
    try {
      const { success, error } = await action(this.component);
      return success ? '' : (error ?? 'The server refused it.');
    } catch (error) {
      return (error as AtriumError).message;
    }
  }

  private keep(id: string, password: string): void {
    this.wanted.rooms.set(id, password);
    this.wanted.active = id;
    this.show();
  }

  // The last that was known, while there is no connection.
  private listed(): RoomEntry[] {
    const rooms = Object.values(this.directory.state.rooms ?? {});
    const chats = rooms.filter(({ id }) => id.startsWith(chatRoomId('')));
    return chats.map((room) => ({ ...room, id: room.id.slice(chatRoomId('').length) })).sort(byName);
  }

  private count(): void {
    const unread = [...this.conversations.values()].reduce((sum, { view }) => sum + view.unread, 0);
    if (unread !== this.view.unread) {
      this.update({ unread });
    }
  }

  private show(): void {
    const own = this.component?.mounted ? (this.component.state.rooms ?? []) : [];
    const rooms = new Map<string, ListedRoom>();
    for (const room of [...kPresets, ...this.listed(), ...own]) {
      rooms.set(room.id, { ...room, name: room.name || room.id, joined: own.some(({ id }) => id === room.id) });
    }
    if (this.view.ready) {
      this.wanted.active = this.component?.state.activeRoom ?? '';
    }
    this.update({ rooms: [...rooms.values()], active: this.wanted.active });
  }
}

function byName(a: RoomEntry, b: RoomEntry): number {
  return a.name.localeCompare(b.name);
}

function secret(password: string): { password?: string } {
  return password ? { password } : {};
}
