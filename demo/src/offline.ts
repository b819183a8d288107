// The service worker's start. It serves the page offline, and isolates it where the host cannot send the headers for it.
const TRIED = 'pocketmoji.isolating';
const LIMIT_MS = 4000;

/** Registers the service worker; reloads the page once if that is what makes it cross-origin isolated. */
export async function isolate(): Promise<void> {
  if (!('serviceWorker' in navigator) || !import.meta.env.PROD) return;
  const ready = navigator.serviceWorker.register('./sw.js').then(() => navigator.serviceWorker.ready);
  ready.catch((error: unknown) => console.warn('no service worker, so not offline:', error));
  if (self.crossOriginIsolated) return sessionStorage.removeItem(TRIED);
  if (sessionStorage.getItem(TRIED)) return; // it does not help here: go on with one thread
  await Promise.race([ready.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, LIMIT_MS))]);
  if (!(await navigator.serviceWorker.getRegistration())?.active) return;
  sessionStorage.setItem(TRIED, 'yes');
  location.reload();
  await new Promise(() => undefined); // the page is going away
}
