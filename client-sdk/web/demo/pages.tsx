import { useSyncExternalStore } from 'react';

const kPages = { chat: 'Chat', counter: 'Counter', ping: 'Ping-pong' } as const;
export type PageName = keyof typeof kPages;

/** The page that the address names after its `#`. */
export function usePage(): PageName {
  const hash = useSyncExternalStore(subscribe, () => location.hash.slice(1));
  return hash in kPages ? (hash as PageName) : 'chat';
}

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}

export function PageLinks({ current, unread }: { current: PageName; unread: number }) {
  return (
    <nav className="pages" aria-label="Pages">
      {Object.entries(kPages).map(([page, title]) => (
        <a key={page} href={`#${page}`} aria-current={page === current ? 'page' : undefined}>
          {title}
          {page === 'chat' && current !== 'chat' && unread > 0 && (
            <span className="badge">
              {unread}
              <span className="unseen"> unread</span>
            </span>
          )}
        </a>
      ))}
    </nav>
  );
}
