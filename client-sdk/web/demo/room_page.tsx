import { useState, type ReactNode } from 'react';
import type { Room } from '../src/index.js';
import { useRoom } from './hooks.js';
import type { IconName } from './icons.js';
import { People } from './people.js';
import type { Session } from './session.js';
import { Shell, type View } from './shell.js';
import { useStore } from './store.js';
import type { Command } from './try_it.js';

interface Online {
  onlineCount: number;
}

interface RoomPageProps<State extends Online> {
  session: Session;
  room: Room<State>;
  name: string;
  icon: IconName;
  title: string;
  commands: readonly Command[];
  children: ReactNode;
}

/** A page about one room: who is there, and below the title what can be done in it. */
export function RoomPage<State extends Online>(props: RoomPageProps<State>) {
  const { session, room, title, children, ...shell } = props;
  const [shown, setShown] = useState<View>('page');
  const { joined, state, members, count } = useRoom(room);
  const isLive = useStore(session).status === 'online' && joined;
  return (
    <Shell
      {...shell}
      log={session.log}
      shown={shown}
      onShow={setShown}
      count={count}
      people={<People members={members} count={count} memberIds={room.memberIds} stale={!isLive} />}
    >
      <div className="bar">
        <h2>{title}</h2>
        <span className="online">{state.onlineCount ?? 0} online</span>
      </div>
      {children}
    </Shell>
  );
}
