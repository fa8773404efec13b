import { useRef, useState, type KeyboardEvent } from 'react';
import { flushSync } from 'react-dom';
import type { RoomName } from './chat.js';
import { Icon } from './icons.js';

interface TopicProps {
  name: RoomName;
  topic: string;
  enabled: boolean;
  onTopic: (topic: string) => Promise<void>;
}

export function TopicBar({ name, topic, enabled, onTopic }: TopicProps) {
  const [editing, setEditing] = useState(false);
  const [error, setError] = useState('');
  const button = useRef<HTMLButtonElement>(null);

  const finish = (next: string | undefined, byKey: boolean) => {
    flushSync(() => setEditing(false));
    if (byKey) {
      button.current?.focus();
    }
    setError('');
    if (next !== undefined && next !== topic) {
      onTopic(next).catch((cause: Error) => setError(cause.message));
    }
  };
  return (
    <div className="topic">
      <h2>
        <span className="hash" aria-hidden="true">
          #
        </span>
        {name}
      </h2>
      {editing ? (
        <TopicEditor topic={topic} onFinish={finish} />
      ) : (
        <button
          ref={button}
          className="topic-text"
          disabled={!enabled}
          onClick={() => setEditing(true)}
          aria-label={`Change the topic: ${topic}`}
        >
          <span>{topic || 'Set a topic'}</span>
          <Icon name="edit" />
        </button>
      )}
      {error && (
        <p className="error" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

interface TopicEditorProps {
  topic: string;
  /** Called once; without a text when it was given up. */
  onFinish: (topic: string | undefined, byKey: boolean) => void;
}

function TopicEditor({ topic, onFinish }: TopicEditorProps) {
  const [draft, setDraft] = useState(topic);
  const finished = useRef(false);
  const finish = (next: string | undefined, byKey: boolean) => {
    if (!finished.current) {
      finished.current = true; // The field loses its focus as it goes, which is no second time.
      onFinish(next?.trim(), byKey);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape' || (event.key === 'Enter' && !event.nativeEvent.isComposing)) {
      event.preventDefault();
      finish(event.key === 'Enter' ? draft : undefined, true);
    }
  };
  return (
    <input
      aria-label="Topic"
      value={draft}
      maxLength={120}
      autoFocus
      onChange={(event) => setDraft(event.target.value)}
      onBlur={() => finish(draft, false)}
      onKeyDown={onKeyDown}
    />
  );
}
