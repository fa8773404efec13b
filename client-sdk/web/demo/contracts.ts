// What the demo uses of the rooms and components in rooms/*.proto, as JSON.

export interface RoomEntry {
  id: string;
  name: string;
  isPrivate: boolean;
}

/** Of a rule that refuses, `error` says why. */
export interface Outcome {
  success: boolean;
  error?: string;
}

export interface ChatMessage {
  id: string;
  user: string;
  text: string;
  timestamp: string;
}

export interface ChatState {
  messages: ChatMessage[];
  onlineCount: number;
  isPrivate: boolean;
  name: string;
}

/** Event `typing`: without `memberId` it is the sender's. */
export interface Typing {
  typing: boolean;
  memberId?: string;
}

export interface DirectoryState {
  /** By the ids of the rooms, of all types: `chat:lobby`. */
  rooms: Record<string, RoomEntry & { createdBy: string }>;
}

export interface LiveRoomChatState {
  username: string;
  activeRoom?: string;
  rooms: RoomEntry[];
}

export interface LiveRoomChatActions {
  createRoom(args: { roomId: string; roomName: string; password?: string }): Outcome & { roomId: string };
  joinRoom(args: { roomId: string; password?: string }): Outcome;
  leaveRoom(args: { roomId: string }): Outcome;
  switchRoom(args: { roomId: string }): Outcome;
  sendMessage(args: { text: string; roomId?: string; idempotencyKey?: string }): Outcome & { message?: ChatMessage };
}

export interface CounterState {
  count: number;
  lastUpdatedBy: string;
  onlineCount: number;
}

export interface LiveSharedCounterActions {
  increment(): Outcome & { count: number };
  decrement(): Outcome & { count: number };
  reset(): Outcome & { count: number };
}

export interface PingState {
  onlineCount: number;
  totalPings: number;
  lastPingBy: string;
}

/** Event `pong`. `seq` and `timestamp` are those of the ping. */
export interface Pong {
  from: string;
  timestamp?: string;
  seq: number;
  serverTime: string;
}

export interface LivePingPongActions {
  ping(args: { seq: number; timestamp?: string }): Outcome & { total: number };
}
