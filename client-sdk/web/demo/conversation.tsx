import { useEffect, useLayoutEffect, useRef, useState, type FormEvent, type KeyboardEvent } from 'react';
import type { Line, RoomName } from './chat.js';
import { Icon } from './icons.js';
import { Avatar } from './sidebar.js';
import { Time } from './time.js';

export function Conversation({ name, lines }: { name: RoomName; lines: readonly Line[] }) {
  const list = useRef<HTMLDivElement>(null);
  const pinned = useRef(true);

  // Stays at the end unless the reader has scrolled up.
  useLayoutEffect(() => {
    pinned.current = true;
  }, [name]);
  useEffect(() => {
    const element = list.current!;
    const stick = () => {
      if (pinned.current) {
        element.scrollTop = element.scrollHeight;
      }
    };
    stick();
    const observer = new ResizeObserver(stick);
    observer.observe(element);
    return () => observer.disconnect();
  }, [lines, name]);

  const onScroll = () => {
    const { scrollHeight, scrollTop, clientHeight } = list.current!;
    pinned.current = scrollHeight - scrollTop - clientHeight < 40;
  };
  const hasMessages = lines.some((line) => line.kind !== 'notice');
  return (
    <div ref={list} className="lines" role="log" aria-label={`Messages in ${name}`} tabIndex={0} onScroll={onScroll}>
      {!hasMessages && (
        <div className="empty">
          <p>No messages yet in #{name}.</p>
          <p>Write the first, open a second tab, or post from a terminal.</p>
        </div>
      )}
      {lines.map((line, index) =>
        line.kind === 'notice' ? (
          <p key={line.key} className="notice">
            {line.text}
          </p>
        ) : (
          <Message key={line.key} line={line} follows={isContinuation(lines[index - 1], line)} />
        ),
      )}
    </div>
  );
}

const kGroup = 3 * 60_000;

function isContinuation(before: Line | undefined, line: Line): boolean {
  return (
    before?.kind === line.kind && before.user === line.user && line.time.getTime() - before.time.getTime() < kGroup
  );
}

function Message({ line, follows }: { line: Line; follows: boolean }) {
  return (
    <article className={`message ${line.kind}${follows ? ' follows' : ''}`}>
      {!follows && (
        <header>
          <Avatar name={line.user} />
          <strong>{line.user}</strong>
          {line.kind === 'service' && (
            <span className="tag" title="Sent by a backend through the API; the name is what it gave">
              API
            </span>
          )}
          <Time at={line.time} />
        </header>
      )}
      <p>{line.text}</p>
    </article>
  );
}

interface ComposerProps {
  name: RoomName;
  enabled: boolean;
  onSend: (text: string) => Promise<void>;
}

export function Composer({ name, enabled, onSend }: ComposerProps) {
  const [text, setText] = useState('');
  const [error, setError] = useState('');
  const ready = enabled && text.trim() !== '';

  const send = async (event?: FormEvent) => {
    event?.preventDefault();
    if (!ready) {
      return;
    }
    setText('');
    setError('');
    await onSend(text.trim()).catch((cause: Error) => {
      setError(`Not sent: ${cause.message}`);
      setText((current) => current || text);
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      void send();
    }
  };
  return (
    <form className="composer" onSubmit={send}>
      {error && (
        <p className="error" role="alert">
          {error}
        </p>
      )}
      <textarea
        rows={1}
        aria-label={`Message to ${name}`}
        placeholder={enabled ? `Message #${name}` : 'Waiting for the connection…'}
        value={text}
        maxLength={1000}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <button className="send" type="submit" disabled={!ready} aria-label="Send">
        <Icon name="send" />
      </button>
    </form>
  );
}
