import type { Activity } from './chat.js';
import { Time } from './time.js';

export function ActivityPanel({ activity }: { activity: readonly Activity[] }) {
  return (
    <section className="panel activity" aria-labelledby="activity-title">
      <h2 id="activity-title">Activity</h2>
      <p className="hint">Each frame that reached this page, newest first.</p>
      <ol aria-label="Activity" tabIndex={0}>
        {activity.map((entry) => (
          <li key={entry.key} data-kind={entry.kind}>
            <span className="line">
              <span className="kind">{entry.kind}</span>
              {entry.room && <span className="room">#{entry.room}</span>}
              {entry.offset && (
                <span className="offset" title="Offset in the history of the room">
                  @{entry.offset}
                </span>
              )}
              <Time at={entry.time} exact />
            </span>
            <span className="title">{entry.title}</span>
            {entry.detail && <code>{entry.detail}</code>}
          </li>
        ))}
      </ol>
    </section>
  );
}
