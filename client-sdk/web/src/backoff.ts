/** The longest wait in milliseconds before the first retry, and before any. */
export interface BackoffLimits {
  min: number;
  max: number;
}

// What lasted so long (milliseconds) was good: the next wait is short again.
const kStable = 10_000;

/** The waits between tries: random parts of an interval that doubles (full jitter). */
export class Backoff {
  private tries = 0;
  private goodSince = Infinity;

  constructor(private readonly limits: BackoffLimits) {}

  /** A try has succeeded. */
  succeed(): void {
    this.goodSince = Date.now();
  }

  /** Milliseconds until the next try. */
  next(): number {
    if (Date.now() - this.goodSince >= kStable) {
      this.tries = 0;
    }
    this.goodSince = Infinity;
    const { min, max } = this.limits;
    return Math.random() * Math.min(max, min * 2 ** this.tries++);
  }
}
