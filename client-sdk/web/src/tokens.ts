import { AtriumError, Code } from './error.js';

/** A token, or where to get one each time that a new one is needed. */
export type TokenSource = string | (() => string | Promise<string>);

/** The token of a client, and the next one. */
export class Tokens {
  private last: string | undefined;
  private asking: Promise<string> | undefined;

  constructor(private readonly source: TokenSource) {
    this.last = typeof source === 'string' ? source : undefined;
  }

  /** There is more than one to be had. */
  get renewable(): boolean {
    return typeof this.source === 'function';
  }

  /** The last one, unless it is known to have expired. */
  get current(): string | undefined {
    return this.last;
  }

  /** The last one, or else a new one. */
  async get(): Promise<string> {
    return this.last ?? this.renew();
  }

  /** Asks for a new one, once for all who do so meanwhile. Fails with TOKEN_UNAVAILABLE. */
  renew(): Promise<string> {
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    return this.asking;
  }

  /** This is the token from now on. */
  use(token: string): void {
    this.last = token;
  }

  /** The server says that `token` has expired. False: there is no other. */
  expire(token: string): boolean {
    if (token !== this.last) {
      return true;
    }
    if (this.renewable) {
      this.last = undefined;
    }
    return this.renewable;
  }

  private async ask(): Promise<string> {
    let token: unknown;
    try {
      token = typeof this.source === 'function' ? await this.source() : this.source;
    } catch (error) {
      throw unavailable(error instanceof Error ? error.message : String(error));
    }
    if (typeof token !== 'string') {
      throw unavailable('it is no text');
    }
    this.last = token;
    return token;
  }
}

function unavailable(why: string): AtriumError {
  return new AtriumError(Code.UNAVAILABLE, 'TOKEN_UNAVAILABLE', `There is no token to be had: ${why}`);
}
