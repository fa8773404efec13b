import type { AtriumError } from './error.js';
import { Listeners, type Unsubscribe } from './listeners.js';

/**
 * `connecting`: a connection is being made. `online`: the server knows this client. `offline`: waiting to try again.
 * `closed`: the end, by `close` or because the server said not to come again.
 */
export type ConnectionStatus = 'connecting' | 'online' | 'offline' | 'closed';

export interface StatusInfo {
  /** When `offline`: the time of the next try, as of `Date.now()`. */
  retryAt?: number;
  /** When `offline` or `closed`: why. */
  error?: AtriumError;
  /** When `online`: the session of the last connection goes on, with all that was in it. */
  resumed?: boolean;
}

/** How it stands with a connection, and who wants to know. */
export class CurrentStatus {
  private readonly listeners = new Listeners<[ConnectionStatus, StatusInfo]>();
  value: ConnectionStatus = 'offline';
  info: StatusInfo = {};

  onChange(listener: (status: ConnectionStatus, info: StatusInfo) => void): Unsubscribe {
    return this.listeners.add(listener);
  }

  /** Tells everybody, but of one end only. */
  set(value: ConnectionStatus, info: StatusInfo = {}): void {
    if (value === 'closed' && this.value === 'closed') {
      return;
    }
    this.value = value;
    this.info = info;
    this.listeners.call(value, info);
  }
}
