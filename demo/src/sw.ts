// The service worker: the page opens without a network after the first visit, and is cross-origin isolated (threads for
// WebAssembly) on hosts that cannot send the two headers for it. Model files are kept by the page itself (download.ts).
/// <reference lib="webworker" />
declare const __BUILD__: string;

const worker = globalThis as unknown as ServiceWorkerGlobalScope;

const CACHE = `pocketmoji-page-${__BUILD__}`;
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

worker.addEventListener('install', (event) => event.waitUntil(worker.skipWaiting()));

worker.addEventListener('activate', (event) => {
  const tidy = async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith('pocketmoji-page-') && name !== CACHE) await caches.delete(name);
    }
    await worker.clients.claim();
  };
  event.waitUntil(tidy());
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== location.origin || request.headers.has('range')) return;
  if (/\.(onnx|task|onnx_data)$/.test(pathname)) return;
  // Names with a digest, and runtimes of this very build, never change; the rest is asked for anew while there is a network.
  const fixed = /\/(assets|runtime)\/[^/]+$/.test(pathname);
  event.respondWith((fixed ? cacheFirst(request) : networkFirst(request)).then(isolated));
});

/** The page is the same whatever its query says. */
const keyOf = (request: Request) => {
  const url = new URL(request.url);
  url.search = '';
  return url.href;
};

async function cacheFirst(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(keyOf(request))) ?? fetchAndKeep(cache, request);
}

async function networkFirst(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  try {
    return await fetchAndKeep(cache, request);
  } catch (error) {
    const kept = await cache.match(keyOf(request));
    if (kept) return kept;
    throw error;
  }
}

async function fetchAndKeep(cache: Cache, request: Request): Promise<Response> {
  const response = await fetch(request);
  // Full storage is no reason to show nothing.
  if (response.status === 200) await cache.put(keyOf(request), response.clone()).catch(() => undefined);
  return response;
}

function isolated(response: Response): Response {
  if (response.type === 'opaque' || response.status === 0 || response.redirected) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
