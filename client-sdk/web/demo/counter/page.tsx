import { useState } from 'react';
import type { CounterState, LiveSharedCounterActions, Outcome } from '../contracts.js';
import { useMount, useRoom } from '../hooks.js';
import { Icon } from '../icons.js';
import { People } from '../people.js';
import type { Session } from '../session.js';
import { Shell, type View } from '../shell.js';
import type { Command } from '../try_it.js';

const kRoom = 'counter:global';
const kCommands: readonly Command[] = [
  { title: 'Count up', path: `/api/rooms/${kRoom}/methods/increment`, body: { username: 'curl' } },
  { title: 'Start over', path: `/api/rooms/${kRoom}/methods/reset`, body: { username: 'curl' } },
  { title: 'Read it', path: `/api/rooms/${kRoom}/state` },
];

export function CounterPage({ session }: { session: Session }) {
  const [shown, setShown] = useState<View>('page');
  const { component, problem } = useMount<object, LiveSharedCounterActions>(session, 'LiveSharedCounter');
  const room = session.client.room<CounterState>(kRoom);
  const { joined, state, members, count } = useRoom(room);
  const [refusal, setRefusal] = useState('');

  const change = async (action: keyof LiveSharedCounterActions) => {
    const { success, error } = await component!.call(action).catch((cause: Error): Outcome => failed(cause));
    setRefusal(success ? '' : (error ?? 'The server refused it.'));
  };
  const enabled = component !== undefined && joined;
  return (
    <Shell
      name="Counter"
      icon="counter"
      log={session.log}
      shown={shown}
      onShow={setShown}
      count={count}
      commands={kCommands}
      people={<People members={members} count={count} memberIds={room.memberIds} stale={!joined} />}
    >
      <div className="bar">
        <h2>Shared counter</h2>
        <span className="online">{state.onlineCount ?? 0} online</span>
      </div>
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
    </Shell>
  );
}

function failed(cause: Error): Outcome {
  return { success: false, error: cause.message };
}
