import { useEffect, useState } from 'react';
import { Icon } from './icons.js';

function commands(origin: string): { title: string; text: string }[] {
  const post = (path: string, body: object) =>
    `curl -H 'Content-Type: application/json' \\\n  -d '${JSON.stringify(body)}' \\\n  ${origin}${path}`;
  return [
    { title: 'Post a message', text: post('/api/rooms/geral/messages', { user: 'curl', text: 'Hello!' }) },
    { title: 'Emit any event', text: post('/api/rooms/tech/emit', { event: 'build:done', data: { ok: true } }) },
    { title: 'See what is live', text: `curl ${origin}/api/rooms/stats` },
  ];
}

export function TryIt() {
  return (
    <section className="panel try" aria-labelledby="try-title">
      <h2 id="try-title">From your backend</h2>
      <ol>
        {commands(location.origin).map(({ title, text }) => (
          <li key={title}>
            <div className="command">
              <h3>{title}</h3>
              <CopyButton text={text} title={title} />
            </div>
            <pre tabIndex={0} aria-label={title}>
              {text}
            </pre>
          </li>
        ))}
      </ol>
    </section>
  );
}

function CopyButton({ text, title }: { text: string; title: string }) {
  const [state, setState] = useState<'idle' | 'done' | 'failed'>('idle');
  useEffect(() => {
    if (state === 'idle') {
      return undefined;
    }
    const timer = setTimeout(() => setState('idle'), 1800);
    return () => clearTimeout(timer);
  }, [state]);

  const copy = async () => setState((await copyText(text)) ? 'done' : 'failed');
  return (
    <button className="copy" onClick={() => void copy()} aria-label={`Copy: ${title}`}>
      <Icon name={state === 'done' ? 'done' : 'copy'} />
      <span role="status">{state === 'done' ? 'Copied' : state === 'failed' ? 'Select it by hand' : 'Copy'}</span>
    </button>
  );
}

async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // No permission, or a page that did not come over HTTPS.
  }
}
