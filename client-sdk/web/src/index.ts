export { AtriumClient } from './client.js';
export type { BackoffLimits } from './backoff.js';
export type { ClientOptions } from './client.js';
export type { ActionsOf, AnyActions, Component } from './component.js';
export type { MountOptions } from './components.js';
export { AtriumError } from './error.js';
export type { Unsubscribe } from './listeners.js';
export { applyPatch } from './patch.js';
export { newIdempotencyKey } from './pending.js';
export type { QueueLimits } from './pending.js';
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
export type { EmitOptions, Leaving } from './room.js';
export type { EventData, EventListener, EventMeta, Presence, RoomView } from './room_view.js';
export type { JoinOptions } from './rooms.js';
export type { ConnectionStatus, StatusInfo } from './status.js';
export type { TokenSource } from './tokens.js';
export type { Watch } from './watch.js';
