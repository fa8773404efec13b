import { useState } from 'react';
import { ActivityPanel } from './activity.js';
import { ROOMS, type RoomName } from './chat.js';
import { Composer, Conversation } from './conversation.js';
import { Header } from './header.js';
import { Icon } from './icons.js';
import { People, RoomList } from './sidebar.js';
import { TopicBar } from './topic.js';
import { TryIt } from './try_it.js';
import { useChat } from './use_chat.js';
import { initialName, remember } from './user_name.js';

const kViews = ['chat', 'people', 'activity'] as const;
type View = (typeof kViews)[number];
const kTitles: Record<View, string> = { chat: 'Chat', people: 'People', activity: 'Activity' };

export function App() {
  const [name, setName] = useState(initialName);
  const [attempt, setAttempt] = useState(0);
  const [shown, setShown] = useState<View>('chat'); // Where there is no room for all three.
  const [view, chat] = useChat(name, attempt);
  const room = view.rooms[view.current];

  const select = (next: RoomName) => {
    chat?.select(next);
    setShown('chat');
  };
  return (
    <div className="app" data-view={shown}>
      <Header
        name={name}
        onName={(next) => setName(remember(next))}
        status={view.status}
        info={view.info}
        onRetry={() => (view.status === 'closed' ? setAttempt(attempt + 1) : chat?.reconnect())}
      />
      <div className="sidebar">
        <RoomList rooms={ROOMS} views={view.rooms} current={view.current} onSelect={select} />
        <People room={room} />
      </div>
      <nav className="views" aria-label="Views">
        {kViews.map((each) => (
          <button
            key={each}
            className={`to-${each}`}
            aria-current={shown === each ? 'page' : undefined}
            onClick={() => setShown(each)}
          >
            <Icon name={each} />
            {kTitles[each]}
            {each === 'people' && <span className="badge">{room.count}</span>}
          </button>
        ))}
      </nav>
      <main className="chat">
        <TopicBar
          key={view.current}
          name={view.current}
          topic={room.topic}
          enabled={room.joined}
          onTopic={(topic) => chat!.setTopic(view.current, topic)}
        />
        <Conversation name={view.current} lines={room.lines} />
        <Composer name={view.current} enabled={room.joined} onSend={(text) => chat!.send(view.current, text)} />
      </main>
      <aside className="side" aria-label="Try it and activity">
        <TryIt />
        <ActivityPanel activity={view.activity} />
      </aside>
    </div>
  );
}
