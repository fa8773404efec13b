import { useState } from 'react';
import type { RoomEntry } from '../contracts.js';
import { Dialog } from '../dialog.js';

const kIdLength = 30;
const kNameLength = 50;
const kPasswordLength = 100;

interface CreateRoomProps {
  taken: readonly RoomEntry[];
  onCreate: (id: string, name: string, password: string) => Promise<string>;
  onClose: () => void;
}

export function CreateRoom({ taken, onCreate, onClose }: CreateRoomProps) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const id = idOf(name);
  const isTaken = taken.some((room) => room.id === id);
  return (
    <Dialog
      title="New room"
      action="Create"
      enabled={id !== '' && !isTaken}
      onSubmit={() => onCreate(id, name.trim(), password)}
      onClose={onClose}
    >
      <label>
        Name
        <input value={name} maxLength={kNameLength} autoFocus onChange={(event) => setName(event.target.value)} />
      </label>
      <p className="hint">
        {isTaken ? `There is a room ${id} already.` : id ? `Its id will be chat:${id}` : 'Letters, digits and hyphens'}
      </p>
      <label>
        Password (optional)
        <input
          type="password"
          autoComplete="new-password"
          value={password}
          maxLength={kPasswordLength}
          onChange={(event) => setPassword(event.target.value)}
        />
      </label>
      <p className="hint">{password ? 'Only those who know it get in.' : 'Without one, everybody gets in.'}</p>
    </Dialog>
  );
}

interface EnterPasswordProps {
  room: RoomEntry;
  onEnter: (password: string) => Promise<string>;
  onClose: () => void;
}

export function EnterPassword({ room, onEnter, onClose }: EnterPasswordProps) {
  const [password, setPassword] = useState('');
  return (
    <Dialog
      title={`Join ${room.name}`}
      action="Join"
      enabled={password !== ''}
      onSubmit={() => onEnter(password)}
      onClose={onClose}
    >
      <p className="hint">This room is private.</p>
      <label>
        Password
        <input
          type="password"
          autoComplete="off"
          value={password}
          maxLength={kPasswordLength}
          autoFocus
          onChange={(event) => setPassword(event.target.value)}
        />
      </label>
    </Dialog>
  );
}

// `Café Olé` becomes `cafe-ole`.
function idOf(name: string): string {
  const plain = name
    .normalize('NFD')
    .toLowerCase()
    .replace(/[\s_]+/g, '-');
  const id = plain.replace(/[^a-z0-9-]/g, '').replace(/-+/g, '-');
  return id.replace(/^-|-$/g, '').slice(0, kIdLength);
}
