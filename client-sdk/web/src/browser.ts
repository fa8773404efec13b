import type { Unsubscribe } from './listeners.js';

/** Calls `wake` when the browser is online again or the page visible again; nothing where there is no browser. */
export function watchBrowser(wake: () => void): Unsubscribe {
  const onVisible = () => {
    if (document.visibilityState === 'visible') {
      wake();
    }
  };
  const page = typeof document === 'undefined' ? undefined : document;
  globalThis.addEventListener?.('online', wake);
  page?.addEventListener('visibilitychange', onVisible);
  return () => {
    globalThis.removeEventListener?.('online', wake);
    page?.removeEventListener('visibilitychange', onVisible);
  };
}
