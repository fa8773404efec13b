import type { Status } from './protocol.js';

/** Codes of google.rpc.Code that this client itself makes. */
export const Code = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** A request that failed, by the server's word or because it could not be asked. */
export class AtriumError extends Error {
  override readonly name = 'AtriumError';

  constructor(
    /** A google.rpc.Code: 5 is NOT_FOUND, 14 UNAVAILABLE. */
    readonly code: number,
    /** UPPER_SNAKE, made to be compared: `ROOM_FULL`, `CONNECTION_LOST`. */
    readonly reason: string,
    message: string,
    /** The field of the request that is at fault, if one is. */
    readonly field?: string,
    /** What else the server says of it: of `GRANT_MISSING` the `verb`, `room` and `nearest_grant`. */
    readonly metadata: Record<string, string> = {},
  ) {
    super(message);
  }

  /** @internal Told by the end of a connection, after which another one may come. */
  get isLoss(): boolean {
    return ['CONNECTION_LOST', 'NOT_CONNECTED'].includes(this.reason) || this.reason.startsWith('GOODBYE_');
  }

  static fromStatus(status: Status): AtriumError {
    const details = status.details ?? [];
    const info = details.find((detail) => detail['@type'].endsWith('/google.rpc.ErrorInfo'));
    const badRequest = details.find((detail) => detail['@type'].endsWith('/google.rpc.BadRequest'));
    return new AtriumError(
      status.code ?? 2,
      info?.reason ?? 'UNKNOWN',
      status.message ?? 'The request failed.',
      badRequest?.fieldViolations?.[0]?.field,
      info?.metadata,
    );
  }
}
