// Requests that came out of a network together are closer to each other than they were sent.
const kShare = 0.9;

/** What a session may still ask: a token bucket as its server has one, of a little less than the server has told. */
export class Budget {
  private rate = 0;
  private burst = 0;
  private tokens = 0;
  private countedAt = 0;

  /** The server's word: requests a second (0 is no limit), and at once. `isNew`: nothing of it is used up. */
  tell(rate: number, burst: number, isNew: boolean): void {
    this.rate = kShare * rate;
    this.burst = Math.max(1, Math.floor(kShare * burst));
    this.tokens = isNew ? this.burst : Math.min(this.tokens, this.burst);
    this.countedAt = isNew ? Date.now() : this.countedAt;
  }

  /** Takes a request out of the budget and returns 0; or else the milliseconds until there is one. */
  take(): number {
    if (this.rate === 0) {
      return 0;
    }
    const now = Date.now();
    const elapsed = Math.max(0, now - this.countedAt); // A clock may be set back.
    this.tokens = Math.min(this.burst, this.tokens + (elapsed * this.rate) / 1000);
    this.countedAt = now;
    if (this.tokens >= 1) {
      this.tokens--;
      return 0;
    }
    return Math.ceil(((1 - this.tokens) * 1000) / this.rate);
  }
}
