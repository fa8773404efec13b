import type { Json, Member } from '../src/index.js';

/** What a member is called: by whoever brought it in, else by the server. */
export function nameOf(member: Member): string {
  return text(member.info?.['username']) || text(member.info?.['name']) || member.userId || 'anonymous';
}

/** The names of members, also of those that are gone. */
export class Names {
  private readonly names = new Map<string, string>();

  learn(members: readonly Member[]): void {
    members.forEach((member) => this.names.set(member.id, nameOf(member)));
  }

  of(memberId: string): string {
    return this.names.get(memberId) ?? memberId;
  }
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
