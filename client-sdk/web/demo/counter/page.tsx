import { useState } from 'react';
import type { CounterState, LiveSharedCounterActions, Outcome } from '../contracts.js';
import { useMount, useRoom } from '../hooks.js';
import { Icon } from '../icons.js';
import { RoomPage } from '../room_page.js';
import type { Session } from '../session.js';
import { useStore } from '../store.js';
import type { Command } from '../try_it.js';

const kRoom = 'counter:global';
const kCommands: readonly Command[] = [
  { title: 'Count up', path: `/api/rooms/${kRoom}/methods/increment`, body: { username: 'curl' } },
  { title: 'Start over', path: `/api/rooms/${kRoom}/methods/reset`, body: { username: 'curl' } },
  { title: 'Read it', path: `/api/rooms/${kRoom}/state` },
];

export function CounterPage({ session }: { session: Session }) {
  const { component, problem } = useMount<object, LiveSharedCounterActions>(session, 'LiveSharedCounter');
  const room = session.client.room<CounterState>(kRoom);
  const { joined, state } = useRoom(room);
  const { status } = useStore(session);
  const [refusal, setRefusal] = useState('');

  const change = async (action: keyof LiveSharedCounterActions) => {
    const { success, error } = await component!.call(action).catch((cause: Error): Outcome => failed(cause));
    setRefusal(success ? '' : (error ?? 'The server refused it.'));
  };
  const enabled = component !== undefined && joined && status === 'online';
  return (
    <RoomPage session={session} room={room} name="Counter" icon="counter" title="Shared counter" commands={kCommands}>
      <div className="counter">
        <output className="number" aria-label="Count">
          {state.count ?? '–'}
        </output>
        <p className="hint">
          {state.lastUpdatedBy ? `Last changed by ${state.lastUpdatedBy}` : 'Nobody has changed it yet'}
        </p>
        <div className="buttons">
          <button
            className="button round"
            disabled={!enabled}
            onClick={() => void change('decrement')}
            aria-label="Decrement"
          >
            <Icon name="minus" />
          </button>
          <button className="button" disabled={!enabled} onClick={() => void change('reset')}>
            Reset
          </button>
          <button
            className="button round primary"
            disabled={!enabled}
            onClick={() => void change('increment')}
            aria-label="Increment"
          >
            <Icon name="plus" />
          </button>
        </div>
        <p className="error" role="alert">
          {problem || refusal}
        </p>
      </div>
    </RoomPage>
  );
}

function failed(cause: Error): Outcome {
  return { success: false, error: cause.message };
}
