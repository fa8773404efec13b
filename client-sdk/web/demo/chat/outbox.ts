import { AtriumError, newIdempotencyKey } from '../../src/index.js';
import type { Outcome } from '../contracts.js';
import { Store } from '../store.js';

/** A message that is not known to be in its room. */
export interface Outgoing {
  /** The server posts it once, however often it comes. */
  key: string;
  /** Of the chat, such as `geral`. */
  room: string;
  text: string;
}

interface Entry extends Outgoing {
  /** When it went out first, by `Date.now()`; 0: not yet. */
  since: number;
  resolve: (problem: string) => void;
}

const kTimedOut = 4;
const kUnavailable = 14;
const kPause = 300;
const kKeyAge = 4 * 60_000; // The server knows a key for five minutes.

/** Sends messages one after the other, each until the server has acknowledged it. */
export class Outbox extends Store<readonly Outgoing[]> {
  private busy = false;

  /** `deliver` fails with UNAVAILABLE when it is to be tried again. */
  constructor(
    private readonly isReady: () => boolean,
    private readonly deliver: (message: Outgoing) => Promise<Outcome>,
  ) {
    super([]);
  }

  /** What went wrong, or nothing. */
  send(room: string, text: string): Promise<string> {
    return new Promise((resolve) => {
      const entry: Entry = { key: newIdempotencyKey(), room, text, since: 0, resolve };
      this.replace([...this.view, entry]);
      void this.flush();
    });
  }

  /** Sends what it can. */
  async flush(): Promise<void> {
    if (this.busy) {
      return;
    }
    this.busy = true;
    while (this.view.length > 0 && this.isReady()) {
      const entry = this.view[0] as Entry;
      const problem = await this.attempt(entry);
      if (problem === undefined) {
        await new Promise((resolve) => setTimeout(resolve, kPause));
        continue; // If it is still ready: else it begins anew when it is.
      }
      this.replace(this.view.filter((each) => each !== entry));
      entry.resolve(problem);
    }
    this.busy = false;
  }

  // Nothing: it is to be tried again.
  private async attempt(entry: Entry): Promise<string | undefined> {
    entry.since ||= Date.now();
    if (Date.now() - entry.since > kKeyAge) {
      return 'The connection was lost for so long that whether it was sent cannot be told.';
    }
    try {
      const { success, error } = await this.deliver(entry);
      return success ? '' : (error ?? 'The server refused it.');
    } catch (error) {
      const { code, message } = error as AtriumError;
      return code === kUnavailable || code === kTimedOut ? undefined : message;
    }
  }
}
