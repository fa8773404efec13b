import { useEffect, useState } from 'react';
import { AtriumError, type ActionsOf, type Component, type Member, type Room } from '../src/index.js';
import type { Session } from './session.js';
import { Store, useStore } from './store.js';

export interface RoomView<State> {
  joined: boolean;
  state: State;
  members: readonly Member[];
  count: number;
  memberId: string;
}

class RoomStore<State> extends Store<RoomView<State>> {
  constructor(room: Room<State>) {
    super(viewOf(room));
    const show = () => this.replace(viewOf(room));
    room.onState(show);
    room.onMembers(show);
    room.onLeft(show);
  }
}

function viewOf<State>({ joined, state, members, count, memberId }: Room<State>): RoomView<State> {
  return { joined, state, members, count, memberId };
}

const stores = new WeakMap<object, unknown>();

/** A room as it is now, and again after each change. */
export function useRoom<State>(room: Room<State>): RoomView<State> {
  let store = stores.get(room) as RoomStore<State> | undefined;
  if (!store) {
    store = new RoomStore(room);
    stores.set(room, store);
  }
  return useStore(store);
}

/** A component of `session` that is mounted as long as this is shown; undefined until it is there. */
export function useMount<State, Actions extends ActionsOf<Actions>>(
  session: Session,
  name: string,
): { component: Component<State, Actions> | undefined; problem: string } {
  const [component, setComponent] = useState<Component<State, Actions>>();
  const [problem, setProblem] = useState('');

  useEffect(() => {
    let wanted = true;
    let mounted: Component<State, Actions> | undefined;
    const unmount = () => mounted?.unmount().catch(() => {}); // Without a connection it is gone anyhow.
    setProblem('');
    session.client.mount<State, Actions>(name, { state: { username: session.user } }).then(
      (there) => {
        mounted = there;
        if (wanted) {
          there.onEnd((error) => wanted && setProblem(error.reason === 'CLOSED' ? '' : error.message));
          session.log.watchComponent(there);
          setComponent(there);
        } else {
          void unmount();
        }
      },
      (error: AtriumError) => wanted && setProblem(error.reason === 'CLOSED' ? '' : error.message),
    );
    return () => {
      wanted = false;
      setComponent(undefined);
      void unmount();
    };
  }, [session, name]);

  return { component, problem };
}

/** The time by `Date.now()`, brought up to date four times a second while `running`. */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) {
      return undefined;
    }
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
