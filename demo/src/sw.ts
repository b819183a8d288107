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
    await worker.clients.claim();
    for (const name of await caches.keys().catch(() => [])) {
      if (name.startsWith('pocketmoji-page-') && name !== CACHE) await caches.delete(name);
    }
  };
  event.waitUntil(tidy());
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== location.origin || request.headers.has('range')) return;
  if (/\.(onnx|task|onnx_data)(\.part-\d+)?$/.test(pathname)) return;
  // Names with a digest, and runtimes of this very build, never change; the rest is asked for anew while there is a network.
  const fixed = /\/(assets|runtime)\/[^/]+$/.test(pathname) && !pathname.endsWith('.json');
  event.respondWith((fixed ? cacheFirst(request) : networkFirst(request)).then(isolated));
});

/** The page is the same whatever its query says. */
const keyOf = (request: Request) => {
  const url = new URL(request.url);
  url.search = '';
  return url.href;
};

async function cacheFirst(request: Request): Promise<Response> {
  return (await kept(request)) ?? fetchAndKeep(request);
}

async function networkFirst(request: Request): Promise<Response> {
  try {
    return await fetchAndKeep(request);
  } catch (error) {
    const found = await kept(request);
    if (found) return found;
    throw error;
  }
}

// Storage that is full, or forbidden since, is no reason to show nothing.
async function kept(request: Request): Promise<Response | undefined> {
  return (await caches.open(CACHE).catch(() => null))?.match(keyOf(request)).catch(() => undefined);
}

async function fetchAndKeep(request: Request): Promise<Response> {
  const response = await fetch(request);
  if (response.status === 200) await keep(request, response.clone()).catch(() => undefined);
  return response;
}

async function keep(request: Request, response: Response): Promise<void> {
  await (await caches.open(CACHE)).put(keyOf(request), response);
}

function isolated(response: Response): Response {
  if (response.type === 'opaque' || response.status === 0 || response.redirected) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
