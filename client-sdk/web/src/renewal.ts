import { Backoff, type BackoffLimits } from './backoff.js';
import type { Tokens } from './tokens.js';

/** Has each token followed by a new one before it expires, while there is a connection. */
export class Renewal {
  private readonly backoff: Backoff;
  private timer: ReturnType<typeof setTimeout> | undefined;
  // Of the last start or stop: what was asked before does not count any more.
  private round = 0;

  constructor(
    private readonly tokens: Tokens,
    /** Tells the server. */
    private readonly refresh: (token: string) => Promise<unknown>,
    limits: BackoffLimits,
  ) {
    this.backoff = new Backoff(limits);
  }

  /** The token expires soon. */
  start(): void {
    this.stop();
    if (this.tokens.renewable) {
      this.wait(); // Tokens that are short-lived as they come would follow one another without a pause.
    }
  }

  /** The connection is over. */
  stop(): void {
    clearTimeout(this.timer);
    this.round++;
  }

  private wait(): void {
    this.timer = setTimeout(() => this.renew(this.round), this.backoff.next());
  }

  private async renew(round: number): Promise<void> {
    try {
      const token = await this.tokens.renew();
      if (round === this.round) {
        await this.refresh(token);
        this.backoff.succeed();
      }
    } catch {
      if (round === this.round) {
        this.wait();
      }
    }
  }
}
