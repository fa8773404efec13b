import type { ActivityLog } from './activity_log.js';
import { useStore } from './store.js';
import { Time } from './time.js';

export function ActivityPanel({ log }: { log: ActivityLog }) {
  const activity = useStore(log);
  return (
    <section className="panel activity" aria-labelledby="activity-title">
      <h2 id="activity-title">Activity</h2>
      <p className="hint">Each frame that reached this page, newest first.</p>
      <ol aria-label="Activity" tabIndex={0}>
        {activity.map((entry) => (
          <li key={entry.key} data-kind={entry.kind}>
            <span className="line">
              <span className="kind">{entry.kind}</span>
              {entry.source && <span className="source">{entry.source}</span>}
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
