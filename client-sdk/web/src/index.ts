export { AtriumClient } from './client.js';
export type { ClientOptions, ConnectionStatus, JoinOptions, StatusInfo } from './client.js';
export { AtriumError } from './error.js';
export type { Unsubscribe } from './listeners.js';
export { applyPatch } from './patch.js';
export type {
  EmitResponse,
  Json,
  JsonObject,
  LeaveReason,
  Member,
  PatchOperation,
  Position,
  RoomInfo,
} from './protocol.js';
export type { Room } from './room.js';
export type { EmitOptions, EventListener, EventMeta, Leaving, Presence } from './room.js';
