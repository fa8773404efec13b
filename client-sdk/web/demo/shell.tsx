import type { ReactNode } from 'react';
import { ActivityPanel } from './activity.js';
import type { ActivityLog } from './activity_log.js';
import { Icon, type IconName } from './icons.js';
import { TryIt, type Command } from './try_it.js';

/** What is shown where there is no room for all. */
export type View = 'page' | 'people' | 'activity';

interface ShellProps {
  name: string;
  icon: IconName;
  log: ActivityLog;
  shown: View;
  onShow: (view: View) => void;
  /** People in the room. */
  count: number;
  commands: readonly Command[];
  people: ReactNode;
  /** Above the people. */
  side?: ReactNode;
  children: ReactNode;
}

/** What all pages have in common: people, the page itself, and how a backend sees it. */
export function Shell({ name, icon, log, shown, onShow, count, commands, people, side, children }: ShellProps) {
  const views: [View, IconName, string][] = [
    ['page', icon, name],
    ['people', 'people', 'People'],
    ['activity', 'activity', 'Activity'],
  ];
  return (
    <div className="shell" data-view={shown}>
      <div className="sidebar">
        {side}
        {people}
      </div>
      <nav className="views" aria-label="Views">
        {views.map(([view, viewIcon, title]) => (
          <button
            key={view}
            className={`to-${view}`}
            aria-current={shown === view ? 'page' : undefined}
            onClick={() => onShow(view)}
          >
            <Icon name={viewIcon} />
            {title}
            {view === 'people' && <span className="badge">{count}</span>}
          </button>
        ))}
      </nav>
      <main className="page">{children}</main>
      <aside className="side" aria-label="Try it and activity">
        <TryIt commands={commands} />
        <ActivityPanel log={log} />
      </aside>
    </div>
  );
}
