import { useEffect, useState } from 'react';
import { Icon } from '../icons.js';
import { People } from '../people.js';
import type { Session } from '../session.js';
import { Shell, type View } from '../shell.js';
import { useStore } from '../store.js';
import { backendOf } from './backend.js';
import type { Chat, ListedRoom } from './chat.js';
import { Composer } from './composer.js';
import { ConversationLog } from './conversation.js';
import { CreateRoom, EnterPassword } from './dialogs.js';
import { RoomBar } from './room_bar.js';
import { RoomList } from './room_list.js';

type Asking = { what: 'password'; room: ListedRoom } | { what: 'new room' } | undefined;

export function ChatPage({ chat, session }: { chat: Chat; session: Session }) {
  const { ready, active, rooms, problem } = useStore(chat);
  const [asking, setAsking] = useState<Asking>();
  const [refusal, setRefusal] = useState('');
  const [shown, setShown] = useState<View>('page');
  const conversation = chat.conversation(active);
  const view = useStore(conversation);
  const room = rooms.find(({ id }) => id === active);
  const waiting = useStore(chat.outbox).filter((message) => message.room === active);
  const enabled = ready && view.joined;

  useEffect(() => {
    conversation.attend(true);
    return () => conversation.attend(false);
  }, [conversation]);

  const open = async (next: ListedRoom) => {
    setRefusal('');
    setShown('page');
    if (next.isPrivate && !next.joined) {
      setAsking({ what: 'password', room: next });
      return;
    }
    setRefusal(await chat.open(next.id));
  };
  return (
    <Shell
      name="Chat"
      icon="chat"
      log={session.log}
      shown={shown}
      onShow={setShown}
      count={view.count}
      commands={backendOf(active)}
      people={
        <People members={view.members} count={view.count} memberIds={conversation.room.memberIds} stale={!enabled} />
      }
      side={
        <RoomList
          chat={chat}
          rooms={rooms}
          active={active}
          enabled={ready}
          problem={problem || refusal}
          onOpen={(next) => void open(next)}
          onCreate={() => setAsking({ what: 'new room' })}
        />
      }
    >
      {room ? (
        <>
          <RoomBar
            room={room}
            count={view.count}
            enabled={enabled}
            onLeave={() => void chat.leave(active).then(setRefusal)}
          />
          <ConversationLog
            key={active}
            name={room.name}
            user={session.user}
            view={view}
            waiting={ready ? [] : waiting}
          />
          <Composer
            key={`to ${active}`}
            name={room.name}
            enabled={enabled}
            later={!ready}
            onSend={(text) => chat.send(text)}
            onTyping={(typing) => conversation.tellTyping(typing)}
          />
        </>
      ) : (
        <div className="nowhere">
          <Icon name="chat" />
          <p>{ready ? 'You are in no room. Choose one, or make your own.' : 'Waiting for the connection…'}</p>
        </div>
      )}
      {asking?.what === 'new room' && (
        <CreateRoom taken={rooms} onCreate={(...room) => chat.create(...room)} onClose={() => setAsking(undefined)} />
      )}
      {asking?.what === 'password' && (
        <EnterPassword
          room={asking.room}
          onEnter={(password) => chat.open(asking.room.id, password)}
          onClose={() => setAsking(undefined)}
        />
      )}
    </Shell>
  );
}
