import { useState } from 'react';
import type { ConnectionStatus, StatusInfo } from '../src/index.js';
import { Logo } from './icons.js';
import { useNow } from './hooks.js';
import { PageLinks, type PageName } from './pages.js';
import { clean, NAME_LENGTH } from './user_name.js';

interface HeaderProps extends ConnectionProps {
  name: string;
  page: PageName;
  /** Messages that nobody has looked at. */
  unread: number;
  onName: (name: string) => void;
}

export function Header({ name, page, unread, onName, ...connection }: HeaderProps) {
  return (
    <header className="header">
      <h1>
        <Logo />
        <span>Atrium</span>
      </h1>
      <PageLinks current={page} unread={unread} />
      <Connection {...connection} />
      <NameField key={name} name={name} onName={onName} />
    </header>
  );
}

interface ConnectionProps {
  status: ConnectionStatus;
  info: StatusInfo;
  onRetry: () => void;
}

const kWords: Record<ConnectionStatus, string> = {
  connecting: 'Connecting…',
  online: 'Online',
  offline: 'Reconnecting',
  closed: 'Disconnected',
};

function Connection({ status, info, onRetry }: ConnectionProps) {
  const now = useNow(status === 'offline');
  const seconds = Math.max(1, Math.ceil(((info.retryAt ?? now) - now) / 1000));
  const waits = status === 'offline' || status === 'closed';
  return (
    <div className="connection" data-status={status} title={info.error?.message}>
      <span className="dot" aria-hidden="true" />
      <span role="status" aria-label="Connection">
        {kWords[status]}
        {/* Not announced: it would be each second. */}
        {status === 'offline' && <span aria-hidden="true"> in {seconds} s</span>}
      </span>
      {waits && (
        <button className="link" onClick={onRetry}>
          {status === 'closed' ? 'Connect' : 'Now'}
        </button>
      )}
    </div>
  );
}

function NameField({ name, onName }: { name: string; onName: (name: string) => void }) {
  const [draft, setDraft] = useState(name);
  const commit = () => {
    const next = clean(draft);
    if (next && next !== name) {
      onName(next);
    } else {
      setDraft(name);
    }
  };
  return (
    <form
      className="name"
      onSubmit={(event) => {
        event.preventDefault();
        commit();
      }}
    >
      <label htmlFor="name">Your name</label>
      <input
        id="name"
        value={draft}
        maxLength={NAME_LENGTH}
        autoComplete="nickname"
        spellCheck={false}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={commit}
      />
    </form>
  );
}
