import type { Unsubscribe } from './listeners.js';

export interface BrowserWatcher {
  /** The browser is online again, or the page visible again. */
  wake(): void;
  /** The page is left. It may be kept as it is, and be shown again. */
  hide(): void;
  /** The page is shown again after that. */
  show(): void;
}

/** Nothing happens where there is no browser. */
export function watchBrowser(watcher: BrowserWatcher): Unsubscribe {
  const page = typeof document === 'undefined' ? undefined : document;
  const onVisible = () => page!.visibilityState === 'visible' && watcher.wake();
  const onShow = (event: Event) => (event as PageTransitionEvent).persisted && watcher.show();
  const wake = () => watcher.wake();
  const hide = () => watcher.hide();
  globalThis.addEventListener?.('online', wake);
  globalThis.addEventListener?.('pagehide', hide);
  globalThis.addEventListener?.('pageshow', onShow);
  page?.addEventListener('visibilitychange', onVisible);
  return () => {
    globalThis.removeEventListener?.('online', wake);
    globalThis.removeEventListener?.('pagehide', hide);
    globalThis.removeEventListener?.('pageshow', onShow);
    page?.removeEventListener('visibilitychange', onVisible);
  };
}
