import { useEffect, useState } from 'react';
import type { LivePingPongActions, PingState } from '../contracts.js';
import { useMount, useRoom } from '../hooks.js';
import { RoomPage } from '../room_page.js';
import type { Session } from '../session.js';
import { useStore } from '../store.js';
import { Time } from '../time.js';
import type { Command } from '../try_it.js';
import { RoundTrips } from './round_trips.js';
import { Rounds, type Heard } from './rounds.js';

const kRoom = 'ping:global';
const kAutoPing = 1000;
const kCommands: readonly Command[] = [
  { title: 'Ping', path: `/api/rooms/${kRoom}/methods/ping`, body: { user: 'curl', seq: 1 } },
  { title: 'Read the total', path: `/api/rooms/${kRoom}/state` },
];

export function PingPage({ session }: { session: Session }) {
  const { component, problem } = useMount<object, LivePingPongActions>(session, 'LivePingPong');
  const room = session.client.room<PingState>(kRoom);
  const { joined, state } = useRoom(room);
  const [rounds] = useState(() => new Rounds());
  const [auto, setAuto] = useState(false);
  const view = useStore(rounds);
  const { status } = useStore(session);
  const enabled = component !== undefined && joined && status === 'online';

  useEffect(() => rounds.listen(room), [rounds, room]);
  useEffect(() => {
    if (!auto || !component || !enabled) {
      return undefined;
    }
    void rounds.ping(component);
    const timer = setInterval(() => void rounds.ping(component), kAutoPing);
    return () => clearInterval(timer);
  }, [auto, component, enabled, rounds]);

  return (
    <RoomPage session={session} room={room} name="Ping-pong" icon="ping" title="Ping-pong" commands={kCommands}>
      <div className="ping">
        <div className="controls">
          <button className="button primary" disabled={!enabled} onClick={() => void rounds.ping(component!)}>
            Ping
          </button>
          <label className="switch">
            <input type="checkbox" role="switch" checked={auto} onChange={(event) => setAuto(event.target.checked)} />
            Ping each second
          </label>
          <p className="total">
            <strong>{state.totalPings ?? 0}</strong> pings by all
            {state.lastPingBy && <span>, the last by {state.lastPingBy}</span>}
          </p>
        </div>
        <RoundTrips roundTrips={view.roundTrips} />
        <p className="error" role="alert">
          {problem || view.problem}
        </p>
        <Pongs heard={view.heard} />
      </div>
    </RoomPage>
  );
}

function Pongs({ heard }: { heard: readonly Heard[] }) {
  return (
    <section className="pongs">
      <h3>Pongs</h3>
      <p className="hint">Everybody here gets each pong, newest first.</p>
      <ol aria-label="Pongs" tabIndex={0}>
        {heard.map(({ key, from, seq, time, roundTrip }) => (
          <li key={key} className={roundTrip === undefined ? '' : 'own'}>
            <span className="who">{from}</span> <span className="seq">#{seq}</span>{' '}
            <span className="took">{roundTrip === undefined ? '' : `${roundTrip.toFixed(1)} ms`}</span>{' '}
            <Time at={time} exact />
          </li>
        ))}
      </ol>
    </section>
  );
}
