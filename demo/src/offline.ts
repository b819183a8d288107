// The service worker's start. It serves the page offline, and isolates it where the host cannot send the headers for it.
// A browser may forbid it, or storage altogether: whatever fails here, the page goes on.
import { within } from './time_limit';

const LIMIT_MS = 4000;
const TRIED = 'pocketmoji-isolating';

/** Registers the service worker; reloads the page once if that is what makes it cross-origin isolated. */
export async function isolate(): Promise<void> {
  if (!import.meta.env.PROD) return;
  try {
    const ready = navigator.serviceWorker.register('./sw.js').then(() => navigator.serviceWorker.ready);
    ready.catch((error: unknown) => console.warn('no service worker, so not offline:', error));
    if (self.crossOriginIsolated || !mayReload()) return;
    await within(LIMIT_MS, 'service worker', ready);
    // In the history entry, which a reload keeps and nobody forbids.
    history.replaceState({ ...history.state, [TRIED]: true }, '');
    if (!history.state?.[TRIED]) return;
  } catch {
    return; // one thread, and not offline
  }
  location.reload();
  await new Promise((resolve) => setTimeout(resolve, LIMIT_MS)); // the page is going away
}

/** Once, and not in a frame, which is isolated only if the page around it is. */
function mayReload(): boolean {
  return window === window.top && !history.state?.[TRIED];
}
