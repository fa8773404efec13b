import { useEffect, useState } from 'react';
import { Icon } from './icons.js';

/** A request that a backend can make: a POST if there is a body. */
export interface Command {
  title: string;
  path: string;
  body?: object;
}

function curl({ path, body }: Command): string {
  const url = location.origin + path;
  return body
    ? `curl -H 'Content-Type: application/json' \\\n  -d '${JSON.stringify(body)}' \\\n  ${url}`
    : `curl ${url}`;
}

export function TryIt({ commands }: { commands: readonly Command[] }) {
  return (
    <section className="panel try" aria-labelledby="try-title">
      <h2 id="try-title">From your backend</h2>
      <ol>
        {commands.map((command) => (
          <li key={command.title}>
            <div className="command">
              <h3>{command.title}</h3>
              <CopyButton text={curl(command)} title={command.title} />
            </div>
            <pre tabIndex={0} aria-label={command.title}>
              {curl(command)}
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
