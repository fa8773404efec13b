import type { Member, Room } from '../../src/index.js';
import type { ChatMessage, ChatState, Typing } from '../contracts.js';
import { Names } from '../members.js';
import { Store } from '../store.js';

/** Something that happened between two messages, as this page saw it. */
export interface Notice {
  key: number;
  /** The message before it; empty if there was none. */
  after: string;
  text: string;
}

export interface ConversationView {
  joined: boolean;
  messages: readonly ChatMessage[];
  notices: readonly Notice[];
  members: readonly Member[];
  count: number;
  memberId: string;
  /** The names of those who type, without this user. */
  typing: readonly string[];
  /** Messages that came while nobody looked. */
  unread: number;
}

const kNotices = 100;
// The server tells of a typist who fell silent after 3 s; that word may be lost, as all that is volatile.
const kTypingTimeout = 6000;

export function chatRoomId(id: string): string {
  return `chat:${id}`;
}

/** What is to be seen of one chat room. */
export class Conversation extends Store<ConversationView> {
  private readonly names = new Names();
  private readonly typists = new Map<string, ReturnType<typeof setTimeout>>();
  private attended = false;
  private lastKey = 0;

  constructor(readonly room: Room<ChatState>) {
    super({ joined: false, messages: [], notices: [], members: [], count: 0, memberId: '', typing: [], unread: 0 });
    const showState = () => this.update({ messages: room.state.messages ?? [] });
    const showMembers = () => {
      const { joined, members, count, memberId } = room;
      this.names.learn(members);
      this.update({ joined, members, count, memberId });
    };
    room.onState(showState);
    room.onMembers(showMembers);
    room.onLeft(() => this.update({ joined: false, memberId: '', typing: [], unread: 0 }));
    room.on('$sub:join', ({ subscriberId }) => this.addNotice(`${this.names.of(subscriberId)} joined`));
    room.on('$sub:leave', ({ subscriberId }) => {
      this.setTyping(subscriberId, false);
      this.addNotice(`${this.names.of(subscriberId)} left`);
    });
    room.on<Typing>('typing', (data, { senderId }) => this.setTyping(senderId || (data.memberId ?? ''), data.typing));
    room.on('chat:message', () => this.attended || this.update({ unread: this.view.unread + 1 }));
    if (room.joined) {
      showState();
      showMembers();
    }
  }

  /** Somebody looks at it, or not any more. */
  attend(attended: boolean): void {
    this.attended = attended;
    if (attended && this.view.unread > 0) {
      this.update({ unread: 0 });
    }
  }

  /** Tells the others whether this user types; nobody needs to know if that fails. */
  tellTyping(typing: boolean): void {
    this.room.emit('typing', { typing }, { volatile: true }).catch(() => {});
  }

  private addNotice(text: string): void {
    const after = this.view.messages[this.view.messages.length - 1]?.id ?? '';
    const notice = { key: ++this.lastKey, after, text };
    this.update({ notices: [...this.view.notices.slice(1 - kNotices), notice] });
  }

  private setTyping(memberId: string, typing: boolean): void {
    clearTimeout(this.typists.get(memberId));
    this.typists.delete(memberId);
    if (typing) {
      this.typists.set(
        memberId,
        setTimeout(() => this.setTyping(memberId, false), kTypingTimeout),
      );
    }
    this.update({ typing: [...this.typists.keys()].map((id) => this.names.of(id)) });
  }
}
