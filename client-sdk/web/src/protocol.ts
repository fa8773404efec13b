// The frames of proto/atrium/v1/frames.proto and connection.proto in canonical proto3 JSON, as they travel on `/ws`
// under the subprotocol `atrium.v1.json`: one frame in each message. A pushed frame omits zeros and empty lists.

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** A place in the history of a room. `offset` is a 64-bit count in decimal; compare with `BigInt(offset)`. */
export interface Position {
  epoch: string;
  offset: string;
}

export interface RoomInfo {
  id: string;
  /** The registered type; empty for an untyped room. */
  type?: string;
  memberCount?: number;
  /** 0: no limit. */
  maxMembers?: number;
  createTime?: string;
  lastActivityTime?: string;
  position?: Position;
  /** Nobody may join any more. */
  locked?: boolean;
  unlisted?: boolean;
  metadata?: JsonObject;
}

/** A session, or a component of one, that has joined a room. */
export interface Member {
  id: string;
  /** The server's word on who it is; absent for an anonymous client. */
  userId?: string;
  /** What whoever brought it in tells the other members of it. */
  info?: JsonObject;
  /** RFC 3339. */
  joinTime?: string;
  /** False, on the wire absent, while its client has lost its connection and may still come back. */
  connected?: boolean;
}

export type LeaveReason =
  | 'LEAVE_REASON_UNSPECIFIED'
  | 'LEAVE_REASON_LEAVE'
  | 'LEAVE_REASON_DISCONNECT'
  | 'LEAVE_REASON_CLEANUP'
  | 'LEAVE_REASON_ACCESS_REVOKED';

export interface PatchOperation {
  op: string;
  path: string;
  value?: Json;
}

export interface EmitResponse {
  success: boolean;
  event: string;
  /** Sessions that the event was handed to. */
  notified: number;
  roomId: string;
  position?: Position;
}

/** What a join is answered with, and what `snapshot` carries. */
export interface RoomSnapshot {
  room: RoomInfo;
  memberId: string;
  state?: Json;
  position?: Position;
  members?: Member[];
  /** Without state and members: the room goes on from the position that was named, by frames that follow. */
  recovered?: boolean;
}

/** A `google.rpc.Status`. */
export interface Status {
  code?: number;
  message?: string;
  details?: StatusDetail[];
}

export interface StatusDetail {
  '@type': string;
  reason?: string;
  domain?: string;
  metadata?: Record<string, string>;
  fieldViolations?: { field?: string; description?: string }[];
}

/** What a client has of a room. */
export interface RoomPosition {
  roomId: string;
  position: Position;
}

export interface Requests {
  hello: { token: string; client: string; resumeToken?: string; known?: RoomPosition[] };
  join: { roomId: string; initialState?: Json; since?: Position };
  leave: { roomId: string };
  emit: {
    roomId: string;
    event: string;
    data: Json;
    exclude?: string[];
    to?: string[];
    includeSelf?: boolean;
    volatile?: boolean;
    memberId?: string;
    idempotencyKey?: string;
  };
  call: ({ roomId: string; idempotencyKey?: string } | { componentId: string }) & { method: string; args: JsonObject };
  setState: { roomId: string; state: Json; idempotencyKey?: string };
  getState: { roomId: string };
  mount: { component: string; state?: Json; room?: string };
  unmount: { componentId: string };
  refresh: { token: string };
}

export interface Replies {
  join: RoomSnapshot;
  leave: object;
  emit: EmitResponse;
  call: { result?: Json };
  setState: { position?: Position };
  getState: { state?: Json; position?: Position };
  mount: Mounted;
  unmount: object;
  refresh: Expiry;
}

/** Of the client's token. */
export interface Expiry {
  /** RFC 3339. */
  expireTime: string;
}

export interface Mounted {
  componentId: string;
  state?: Json;
}

export interface Welcome {
  sessionId: string;
  userId?: string;
  /** Seconds, such as `25s`. */
  pingInterval?: string;
  /** For the hello of the next connection. */
  resumeToken?: string;
  /** The session of the last connection goes on. */
  resumed?: boolean;
  /** Requests a second that the session may send in the long run; absent: any number. */
  requestRate?: number;
  /** And at once. */
  requestBurst?: number;
}

export type Reply = { id?: number; error?: Status } & Partial<Replies>;

export interface RoomEvent {
  roomId: string;
  offset?: string;
  event: string;
  /** Either this or `binary`. */
  data?: Json;
  /** Base64. */
  binary?: string;
  senderId?: string;
  senderUserId?: string;
  time?: string;
}

export interface StatePatch {
  roomId: string;
  offset?: string;
  operations?: PatchOperation[];
}

export interface MemberChange {
  roomId: string;
  offset?: string;
  joined?: Member[];
  left?: { member: Member; reason?: LeaveReason }[];
  changed?: Member[];
  count?: number;
}

export interface ComponentPatch {
  componentId: string;
  /** Counts these frames of a component from 1, in decimal; absent for volatile bytes. */
  version?: string;
  operations?: PatchOperation[];
  /** Base64. */
  binary?: string;
}

export interface Left {
  roomId: string;
  memberId?: string;
  reason?: LeaveReason;
}

export interface Goodbye {
  code?: number;
  reason?: string;
  reconnectAfter?: string;
}

export interface ServerFrame {
  welcome?: Welcome;
  reply?: Reply;
  snapshot?: RoomSnapshot;
  event?: RoomEvent;
  patch?: StatePatch;
  member?: MemberChange;
  component?: ComponentPatch;
  left?: Left;
  goodbye?: Goodbye;
  expiring?: Expiry;
}

export const SUBPROTOCOL = 'atrium.v1.json';

/** Milliseconds of a JSON Duration such as `1.5s`; `fallback` when there is none. */
export function milliseconds(duration: string | undefined, fallback: number): number {
  const seconds = duration?.endsWith('s') ? Number(duration.slice(0, -1)) : NaN;
  return Number.isFinite(seconds) ? seconds * 1000 : fallback;
}

/** The bytes of a `bytes` field. */
export function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
