import { useEffect, useRef, useState } from 'react';
import { ActivityLog } from './activity_log.js';
import { Chat, firstWanted } from './chat/chat.js';
import { ChatPage } from './chat/page.js';
import { CounterPage } from './counter/page.js';
import { Header } from './header.js';
import { usePage } from './pages.js';
import { PingPage } from './ping/page.js';
import { Session } from './session.js';
import { useStore } from './store.js';
import { initialName, remember } from './user_name.js';

/** A connection and what goes over it from the start: another name is another one. */
interface Visit {
  session: Session;
  chat: Chat;
}

export function App() {
  const [name, setName] = useState(initialName);
  const [attempt, setAttempt] = useState(0);
  const [visit, setVisit] = useState<Visit>();
  const kept = useRef({ log: new ActivityLog(), wanted: firstWanted() }).current;

  useEffect(() => {
    const session = new Session(name, kept.log);
    setVisit({ session, chat: new Chat(session, kept.wanted) });
    return () => session.client.close();
  }, [name, attempt, kept]);

  return visit ? (
    <Pages visit={visit} onName={(next) => setName(remember(next))} onAgain={() => setAttempt(attempt + 1)} />
  ) : null;
}

interface PagesProps {
  visit: Visit;
  onName: (name: string) => void;
  /** Starts over, when the server said not to come again. */
  onAgain: () => void;
}

function Pages({ visit: { session, chat }, onName, onAgain }: PagesProps) {
  const page = usePage();
  const { status, info } = useStore(session);
  const { unread } = useStore(chat);
  return (
    <div className="app">
      <Header
        name={session.user}
        page={page}
        unread={unread}
        onName={onName}
        status={status}
        info={info}
        onRetry={() => (status === 'closed' ? onAgain() : session.client.connect())}
      />
      {page === 'chat' && <ChatPage chat={chat} session={session} />}
      {page === 'counter' && <CounterPage session={session} />}
      {page === 'ping' && <PingPage session={session} />}
    </div>
  );
}
