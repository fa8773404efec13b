import type { Member } from '../src/index.js';
import { Avatar } from './avatar.js';
import { nameOf } from './members.js';

interface PeopleProps {
  members: readonly Member[];
  count: number;
  /** Those of this page. */
  memberIds: readonly string[];
  stale: boolean;
}

export function People({ members, count, memberIds, stale }: PeopleProps) {
  const hidden = count - members.length;
  const sorted = [...members].sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  return (
    <section className={stale ? 'people stale' : 'people'} aria-label="People">
      <h2>
        People <span className="count">{count}</span>
      </h2>
      <ul aria-label="Members">
        {sorted.map((member) => (
          <li
            key={member.id}
            className={member.connected === false ? 'away' : undefined}
            title={member.connected === false ? 'Has lost the connection, and may come back' : undefined}
          >
            <Avatar name={nameOf(member)} />
            <span className="who">{nameOf(member)}</span>
            {memberIds.includes(member.id) && <span className="tag">you</span>}
            {member.connected === false && <span className="tag">away</span>}
          </li>
        ))}
        {hidden > 0 && <li className="more">and {hidden} more</li>}
      </ul>
    </section>
  );
}
