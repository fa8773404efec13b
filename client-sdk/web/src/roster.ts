import type { Member, MemberChange } from './protocol.js';

/** One that came or went, and how many there were then. */
export interface Arrival {
  event: '$sub:join' | '$sub:leave';
  subscriberId: string;
  count: number;
}

/** Who is in a room, as far as this client is told. */
export class Roster {
  private list: readonly Member[] = [];
  private total = 0;

  get members(): readonly Member[] {
    return this.list;
  }

  get count(): number {
    return this.total;
  }

  replace(members: readonly Member[], count: number): void {
    this.list = members.map(complete);
    this.total = count;
  }

  /** Returns who came and who went, in that order. */
  change(frame: MemberChange): Arrival[] {
    const joined = (frame.joined ?? []).map(complete);
    const left = frame.left ?? [];
    const changed = new Map((frame.changed ?? []).map((member) => [member.id, complete(member)]));
    const moved = new Set([...joined, ...left.map((departure) => departure.member)].map((member) => member.id));
    const list = this.list.map((member) => changed.get(member.id) ?? member);
    this.total = frame.count ?? 0;
    this.list = [...list.filter((member) => !moved.has(member.id)), ...joined];
    if (moved.size === 0 && list.length !== this.total) {
      this.list = []; // Too many to be listed.
    }
    let count = this.total - joined.length + left.length;
    return [
      ...joined.map(({ id }) => ({ event: '$sub:join' as const, subscriberId: id, count: ++count })),
      ...left.map(({ member }) => ({ event: '$sub:leave' as const, subscriberId: member.id, count: --count })),
    ];
  }
}

// A frame omits what is false.
function complete(member: Member): Member {
  return { ...member, connected: member.connected ?? false };
}
