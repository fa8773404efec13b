import { useSyncExternalStore } from 'react';
import type { Unsubscribe } from '../src/index.js';

/** Something to show. The view is replaced, never changed. */
export class Store<View> {
  private readonly listeners = new Set<() => void>();

  constructor(private current: View) {}

  get view(): View {
    return this.current;
  }

  readonly subscribe = (listener: () => void): Unsubscribe => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  protected replace(view: View): void {
    this.current = view;
    this.listeners.forEach((listener) => listener());
  }

  protected update(change: Partial<View>): void {
    this.replace({ ...this.current, ...change });
  }
}

/** What a store has to show now, and again after each change. */
export function useStore<View>(store: Store<View>): View {
  return useSyncExternalStore(store.subscribe, () => store.view);
}
