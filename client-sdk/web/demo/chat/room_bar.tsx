import type { ListedRoom } from './chat.js';
import { RoomMark } from './room_list.js';

interface RoomBarProps {
  room: ListedRoom;
  count: number;
  enabled: boolean;
  onLeave: () => void;
}

export function RoomBar({ room, count, enabled, onLeave }: RoomBarProps) {
  return (
    <div className="bar">
      <h2>
        <RoomMark room={room} />
        <span className="room-name">{room.name}</span>
      </h2>
      <span className="online">{count} online</span>
      <button className="quiet" disabled={!enabled} onClick={onLeave} aria-label={`Leave ${room.name}`}>
        Leave
      </button>
    </div>
  );
}
