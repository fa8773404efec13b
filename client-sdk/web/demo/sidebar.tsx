import { nameOf, type RoomName, type RoomView } from './chat.js';

interface RoomListProps {
  rooms: readonly RoomName[];
  views: Record<RoomName, RoomView>;
  current: RoomName;
  onSelect: (room: RoomName) => void;
}

export function RoomList({ rooms, views, current, onSelect }: RoomListProps) {
  return (
    <nav className="rooms" aria-label="Rooms">
      <h2>Rooms</h2>
      <ul>
        {rooms.map((room) => (
          <li key={room}>
            <button aria-current={room === current ? 'true' : undefined} onClick={() => onSelect(room)}>
              <span className="hash" aria-hidden="true">
                #
              </span>
              {room}
              {views[room].unread > 0 && (
                <span className="badge">
                  {views[room].unread}
                  <span className="unseen"> unread</span>
                </span>
              )}
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}

export function People({ room }: { room: RoomView }) {
  const hidden = room.count - room.members.length;
  const members = [...room.members].sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  return (
    <section className={room.joined ? 'people' : 'people stale'} aria-label="People">
      <h2>
        People <span className="count">{room.count}</span>
      </h2>
      <ul aria-label="Members">
        {members.map((member) => (
          <li key={member.id}>
            <Avatar name={nameOf(member)} />
            <span className="who">{nameOf(member)}</span>
            {member.id === room.memberId && <span className="tag">you</span>}
          </li>
        ))}
        {hidden > 0 && <li className="more">and {hidden} more</li>}
      </ul>
    </section>
  );
}

const kHues = 8;

/** The first letters of a name, in a colour that is always the same for it. */
export function Avatar({ name }: { name: string }) {
  const hue = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) % 9973, 7) % kHues;
  const [first, second] = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const letters = ([...(first ?? '?')][0] ?? '') + ([...(second ?? '')][0] ?? '');
  return (
    <span className={`avatar hue-${hue}`} aria-hidden="true">
      {letters}
    </span>
  );
}
