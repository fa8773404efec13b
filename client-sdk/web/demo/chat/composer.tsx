import { useEffect, useRef, useState, type FormEvent, type KeyboardEvent } from 'react';
import { Icon } from '../icons.js';

interface ComposerProps {
  name: string;
  enabled: boolean;
  /** There is no connection: what is sent now is on its way when there is. */
  later: boolean;
  /** What went wrong, or nothing. */
  onSend: (text: string) => Promise<string>;
  onTyping: (typing: boolean) => void;
}

export function Composer({ name, enabled, later, onSend, onTyping }: ComposerProps) {
  const [text, setText] = useState('');
  const [error, setError] = useState('');
  const typing = useTyping(onTyping);
  const ready = (enabled || later) && text.trim() !== '';

  const send = async (event?: FormEvent) => {
    event?.preventDefault();
    if (!ready) {
      return;
    }
    typing.stop();
    setText('');
    setError('');
    const problem = await onSend(text.trim());
    if (problem) {
      setError(`Not sent: ${problem}`);
      setText((current) => current || text);
    }
  };
  const onChange = (next: string) => {
    setText(next);
    if (next.trim() === '') {
      typing.stop();
    } else if (enabled) {
      typing.touch();
    }
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
        placeholder={later ? 'Sent when the connection is back…' : `Message ${name}`}
        value={text}
        maxLength={1000}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <button className="send" type="submit" disabled={!ready} aria-label="Send">
        <Icon name="send" />
      </button>
    </form>
  );
}

const kSign = 2000; // The server takes 3 s without a sign as the end.

// Tells of typing at its start, every now and then while it goes on, and at its end.
function useTyping(tell: (typing: boolean) => void) {
  const last = useRef(0);
  const latest = useRef(tell);
  latest.current = tell;
  const touch = () => {
    if (Date.now() - last.current >= kSign) {
      last.current = Date.now();
      latest.current(true);
    }
  };
  const stop = () => {
    if (Date.now() - last.current < 2 * kSign) {
      latest.current(false);
    }
    last.current = 0;
  };
  useEffect(() => stop, []);
  return { touch, stop };
}
