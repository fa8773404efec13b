import { Fragment, useEffect, useRef } from 'react';
import { Avatar } from '../avatar.js';
import type { ChatMessage } from '../contracts.js';
import { Time } from '../time.js';
import type { ConversationView, Notice } from './conversation_store.js';
import type { Outgoing } from './outbox.js';

interface ConversationLogProps {
  name: string;
  user: string;
  view: ConversationView;
  /** Written without a connection. */
  waiting: readonly Outgoing[];
}

export function ConversationLog({ name, user, view, waiting }: ConversationLogProps) {
  const { messages, notices, typing } = view;
  const list = useStickToEnd([messages, notices, waiting.length]);
  const noticesAfter = (id: string) => notices.filter(({ after }) => after === id);
  return (
    <>
      <div {...list} className="lines" role="log" aria-label={`Messages in ${name}`} tabIndex={0}>
        {messages.length === 0 && (
          <div className="empty">
            <p>No messages yet in {name}.</p>
            <p>Write the first, open a second tab, or post from a terminal.</p>
            <p>Without a connection too: it goes out when you are back, and nothing is missed.</p>
          </div>
        )}
        <Notices notices={noticesAfter('')} />
        {messages.map((message, index) => {
          const before = messages[index - 1];
          const follows = isContinuation(before, message) && noticesAfter(before?.id ?? '').length === 0;
          return (
            <Fragment key={message.id}>
              <Message message={message} own={message.user === user} follows={follows} />
              <Notices notices={noticesAfter(message.id)} />
            </Fragment>
          );
        })}
        {waiting.map(({ key, text }) => (
          <article key={key} className="message own waiting" title="Goes out when there is a connection">
            <p>{text}</p>
          </article>
        ))}
      </div>
      <p className="typing" aria-live="polite">
        {typingText(typing)}
      </p>
    </>
  );
}

// Keeps the end in view unless the reader has scrolled up.
function useStickToEnd(changes: readonly unknown[]) {
  const ref = useRef<HTMLDivElement>(null);
  const pinned = useRef(true);
  useEffect(() => {
    const element = ref.current!;
    const stick = () => {
      if (pinned.current) {
        element.scrollTop = element.scrollHeight;
      }
    };
    stick();
    const observer = new ResizeObserver(stick);
    observer.observe(element);
    return () => observer.disconnect();
  }, changes);
  const onScroll = () => {
    const { scrollHeight, scrollTop, clientHeight } = ref.current!;
    pinned.current = scrollHeight - scrollTop - clientHeight < 40;
  };
  return { ref, onScroll };
}

function Notices({ notices }: { notices: readonly Notice[] }) {
  return (
    <>
      {notices.map(({ key, text }) => (
        <p key={key} className="notice">
          {text}
        </p>
      ))}
    </>
  );
}

const kGroup = 3 * 60_000;

function isContinuation(before: ChatMessage | undefined, message: ChatMessage): boolean {
  return before?.user === message.user && Date.parse(message.timestamp) - Date.parse(before.timestamp) < kGroup;
}

function Message({ message, own, follows }: { message: ChatMessage; own: boolean; follows: boolean }) {
  return (
    <article className={`message${own ? ' own' : ''}${follows ? ' follows' : ''}`}>
      {!follows && (
        <header>
          <Avatar name={message.user} />
          <strong>{message.user}</strong>
          <Time at={new Date(message.timestamp)} />
        </header>
      )}
      <p>{message.text}</p>
    </article>
  );
}

function typingText(names: readonly string[]): string {
  const [first, second, ...others] = names;
  if (!first) {
    return '';
  }
  if (!second) {
    return `${first} is typing…`;
  }
  return others.length === 0 ? `${first} and ${second} are typing…` : `${names.length} people are typing…`;
}
