import type { Component, Room } from '../../src/index.js';
import type { LivePingPongActions, PingState, Pong } from '../contracts.js';
import { Store } from '../store.js';

/** A pong as this page got it. */
export interface Heard {
  key: number;
  from: string;
  seq: number;
  time: Date;
  /** Milliseconds there and back, if the ping was this page's. */
  roundTrip: number | undefined;
}

export interface RoundsView {
  /** Milliseconds of the last rounds of this page, oldest first. */
  roundTrips: readonly number[];
  /** Newest first. */
  heard: readonly Heard[];
  problem: string;
}

export const ROUNDS = 20;
const kHeard = 30;
const kPatience = 10_000; // A pong may be lost: it is volatile.

/** Sends pings and measures how long their pongs take. */
export class Rounds extends Store<RoundsView> {
  private readonly sent = new Map<string, number>();
  private nextSeq = 1;
  private lastKey = 0;

  constructor() {
    super({ roundTrips: [], heard: [], problem: '' });
  }

  /** Listens until the returned function is called. */
  listen(room: Room<PingState>): () => void {
    return room.on<Pong>('pong', (pong) => this.onPong(pong));
  }

  async ping(component: Component<object, LivePingPongActions>): Promise<void> {
    const seq = this.nextSeq++;
    const timestamp = new Date().toISOString();
    const key = keyOf(seq, timestamp);
    this.sent.set(key, performance.now());
    setTimeout(() => this.sent.delete(key), kPatience);
    try {
      const { success, error } = await component.call('ping', { seq, timestamp });
      this.update({ problem: success ? '' : (error ?? 'The server refused it.') });
    } catch (error) {
      this.update({ problem: (error as Error).message });
    }
  }

  private onPong({ from, seq, timestamp }: Pong): void {
    const key = keyOf(seq, timestamp ?? '');
    const sentAt = this.sent.get(key);
    this.sent.delete(key);
    const roundTrip = sentAt === undefined ? undefined : performance.now() - sentAt;
    const entry: Heard = { key: ++this.lastKey, from, seq, time: new Date(), roundTrip };
    this.update({
      heard: [entry, ...this.view.heard.slice(0, kHeard - 1)],
      roundTrips: roundTrip === undefined ? this.view.roundTrips : [...this.view.roundTrips, roundTrip].slice(-ROUNDS),
    });
  }
}

// Somebody else may be at the same number, hardly in the same millisecond.
function keyOf(seq: number, timestamp: string): string {
  return `${seq} ${Date.parse(timestamp)}`;
}
