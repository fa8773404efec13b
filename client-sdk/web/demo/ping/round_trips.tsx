import { ROUNDS } from './rounds.js';

const kHeight = 100;
const kStep = 10; // Of the bars' places.

/** The last rounds as bars, and their numbers. */
export function RoundTrips({ roundTrips }: { roundTrips: readonly number[] }) {
  const last = roundTrips[roundTrips.length - 1];
  const average = roundTrips.reduce((sum, each) => sum + each, 0) / roundTrips.length;
  const most = Math.max(1, ...roundTrips);
  return (
    <section className="round-trips" aria-label="Round trips">
      <dl>
        <Figure name="Last" value={last} />
        <Figure name="Fastest" value={roundTrips.length > 0 ? Math.min(...roundTrips) : undefined} />
        <Figure name="Average" value={roundTrips.length > 0 ? average : undefined} />
      </dl>
      <svg viewBox={`0 0 ${ROUNDS * kStep} ${kHeight}`} preserveAspectRatio="none" aria-hidden="true">
        {Array.from({ length: ROUNDS }, (_, index) => {
          const value = roundTrips[index];
          const height = value === undefined ? 1 : Math.max(2, (value / most) * kHeight);
          return (
            <rect
              key={index}
              className={value === undefined ? 'none' : undefined}
              x={index * kStep + 1}
              y={kHeight - height}
              width={kStep - 2}
              height={height}
            />
          );
        })}
      </svg>
      <p className="hint">
        {roundTrips.length === 0
          ? `The last ${ROUNDS} round trips`
          : `The last ${roundTrips.length}, at most ${most.toFixed(1)} ms`}
      </p>
    </section>
  );
}

function Figure({ name, value }: { name: string; value: number | undefined }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value === undefined ? '–' : `${value.toFixed(1)} ms`}</dd>
    </div>
  );
}
