import { useEffect, useRef, useState } from 'react';
import { Chat, emptyView, type ChatView } from './chat.js';

/** The chat of `user`, and what to show of it. Another `user` or `attempt` is another connection. */
export function useChat(user: string, attempt: number): [ChatView, Chat | undefined] {
  const [view, setView] = useState<ChatView>(emptyView);
  const [chat, setChat] = useState<Chat>();
  const latest = useRef(view);

  useEffect(() => {
    let active = true;
    const show = (next: ChatView) => {
      if (active) {
        latest.current = next;
        setView(next);
      }
    };
    const started = new Chat(user, latest.current, show);
    setChat(started);
    return () => {
      active = false;
      started.close();
    };
  }, [user, attempt]);

  return [view, chat];
}

/** The time by `Date.now()`, brought up to date four times a second while `running`. */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) {
      return undefined;
    }
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
