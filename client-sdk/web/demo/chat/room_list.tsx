import { Icon } from '../icons.js';
import { useStore } from '../store.js';
import type { Chat, ListedRoom } from './chat.js';

interface RoomListProps {
  chat: Chat;
  rooms: readonly ListedRoom[];
  active: string;
  enabled: boolean;
  problem: string;
  onOpen: (room: ListedRoom) => void;
  onCreate: () => void;
}

export function RoomList({ chat, rooms, active, enabled, problem, onOpen, onCreate }: RoomListProps) {
  return (
    <nav className="rooms" aria-label="Rooms">
      <h2>Rooms</h2>
      <ul>
        {rooms.map((room) => (
          <li key={room.id}>
            <RoomButton chat={chat} room={room} current={room.id === active} enabled={enabled} onOpen={onOpen} />
          </li>
        ))}
      </ul>
      <button className="new-room" disabled={!enabled} onClick={onCreate} aria-label="New room">
        <Icon name="plus" />
        <span>New room</span>
      </button>
      {problem && (
        <p className="error" role="alert">
          {problem}
        </p>
      )}
    </nav>
  );
}

interface RoomButtonProps {
  chat: Chat;
  room: ListedRoom;
  current: boolean;
  enabled: boolean;
  onOpen: (room: ListedRoom) => void;
}

function RoomButton({ chat, room, current, enabled, onOpen }: RoomButtonProps) {
  const { unread } = useStore(chat.conversation(room.id));
  return (
    <button
      className={room.joined ? 'joined' : 'outside'}
      aria-current={current ? 'true' : undefined}
      disabled={!enabled}
      title={room.joined ? undefined : `Join ${room.name}`}
      onClick={() => onOpen(room)}
    >
      <RoomMark room={room} />
      <span className="room-name">{room.name}</span>
      {unread > 0 && (
        <span className="badge">
          {unread}
          <span className="unseen"> unread</span>
        </span>
      )}
    </button>
  );
}

export function RoomMark({ room }: { room: ListedRoom }) {
  return room.isPrivate ? (
    <span className="mark">
      <Icon name={room.joined ? 'unlocked' : 'lock'} />
      <span className="unseen">private </span>
    </span>
  ) : (
    <span className="mark" aria-hidden="true">
      #
    </span>
  );
}
