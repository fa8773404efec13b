import type { Command } from '../try_it.js';
import { chatRoomId } from './conversation_store.js';

/** What a backend can do with the chat room that is shown. */
export function backendOf(id: string): readonly Command[] {
  const room = `/api/rooms/${chatRoomId(id || 'geral')}`;
  return [
    { title: 'Post a message', path: `${room}/messages`, body: { user: 'curl', text: 'Hello!' } },
    { title: 'Emit any event', path: `${room}/emit`, body: { event: 'build:done', data: { ok: true } } },
    { title: 'See what is live', path: '/api/rooms/stats' },
  ];
}
