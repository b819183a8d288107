// Getting a model file: real progress, resumed where a connection broke, and kept in this browser for the next visit.
import type { Download, Kept } from './engine';

export type OnProgress = (download: Download) => void;

export interface ModelFile {
  stream: ReadableStream<Uint8Array>;
  bytes: number;
  /** Settled when the stream has been read to its end. */
  kept: () => Kept;
  fromStore: boolean;
}

interface Index {
  bytes: number;
  /** What tells one version of the file from another: its ETag, or its date. */
  version: string;
}

const STORE = 'pocketmoji-models';
const PART = 8 * 2 ** 20;
const PAUSES_MS = [500, 1500, 4000]; // before a broken connection is tried again

/** The file at `address`. `keep` false: straight from the server, nothing stored. Fails in words if it is not there. */
export async function openModelFile(
  address: string,
  name: string,
  expectedBytes: number | undefined,
  keep: boolean,
  onProgress: OnProgress,
): Promise<ModelFile> {
  const store = keep && typeof caches !== 'undefined' ? await caches.open(STORE).catch(() => null) : null;
  const stored = store && (await readIndex(store, address));
  let head: Response;
  try {
    head = await fetch(address, { method: 'HEAD', cache: 'no-cache' });
  } catch (error) {
    if (!store || !stored) throw new Error(`${name}: the server cannot be reached, and the model is not kept here yet`);
    return open(address, name, stored, store, true, onProgress);
  }
  if (!head.ok) throw new Error(`${name} is not there: the server answered ${head.status}`);
  const index: Index = {
    bytes: Number(head.headers.get('content-length') ?? 0),
    version: head.headers.get('etag') ?? head.headers.get('last-modified') ?? '',
  };
  const type = head.headers.get('content-type') ?? '';
  if (type.startsWith('text/html')) throw new Error(`${name} is not there: the server answered with a web page`);
  if (expectedBytes && index.bytes && index.bytes !== expectedBytes) {
    throw new Error(`${name} does not load: it has ${index.bytes} bytes, ${expectedBytes} were exported (half a file?)`);
  }
  if (store && stored && (stored.bytes !== index.bytes || stored.version !== index.version)) await forget(store, address);
  if (!store || index.bytes === 0) return direct(address, name, index.bytes, onProgress);
  await store.put(key(address, 'index'), new Response(JSON.stringify(index))).catch(() => undefined);
  const whole = (await countParts(store, address, index)) === Math.ceil(index.bytes / PART);
  return open(address, name, index, store, whole, onProgress);
}

/** Nothing kept, nothing resumed: what a regression test wants to see is what the server has now. */
async function direct(address: string, name: string, bytes: number, onProgress: OnProgress): Promise<ModelFile> {
  const response = await fetch(address, { cache: 'no-cache' });
  if (!response.ok || !response.body) throw new Error(`${name} is not there: the server answered ${response.status}`);
  let loaded = 0;
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      onProgress({ file: name, loaded, total: bytes });
      controller.enqueue(chunk);
    },
  });
  const stream = response.body.pipeThrough(count as unknown as ReadableWritablePair<Uint8Array, Uint8Array>);
  return { stream, bytes, kept: () => 'not asked', fromStore: false };
}

/** Part by part: from the store, or from the server and into the store. */
function open(
  address: string,
  name: string,
  index: Index,
  store: Cache,
  fromStore: boolean,
  onProgress: OnProgress,
): ModelFile {
  let kept: Kept = 'kept';
  let at = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (at >= index.bytes) return controller.close();
        const end = Math.min(at + PART, index.bytes);
        const place = key(address, String(at));
        const here = await store.match(place);
        let part = here && new Uint8Array(await here.arrayBuffer());
        if (!part || part.byteLength !== end - at) {
          part = await fetchPart(address, name, at, end, index, onProgress);
          if (kept === 'kept') {
            // A copy: the reader takes over the part's buffer.
            await store.put(place, new Response(part.slice())).catch(() => {
              kept = 'storage full';
            });
          }
        }
        at = end;
        onProgress({ file: name, loaded: at, total: index.bytes });
        controller.enqueue(part);
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, bytes: index.bytes, kept: () => kept, fromStore };
}

/** Bytes `start` to `end` (not included); a connection that breaks goes on at the byte where it broke. */
async function fetchPart(
  address: string,
  name: string,
  start: number,
  end: number,
  index: Index,
  onProgress: OnProgress,
): Promise<Uint8Array<ArrayBuffer>> {
  const part = new Uint8Array(end - start);
  let at = 0;
  for (let attempt = 0; ; ) {
    try {
      const range = `bytes=${start + at}-${end - 1}`;
      const response = await fetch(address, { headers: { range }, cache: 'no-store' });
      if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
      // A server that knows no ranges sends everything: what is here already is passed over.
      let skip = response.status === 206 ? 0 : start + at;
      const reader = response.body.getReader();
      while (at < part.length) {
        const { done, value } = await reader.read();
        if (done) throw new Error('the connection ended early');
        const fresh = value.subarray(Math.min(skip, value.length));
        skip -= value.length - fresh.length;
        part.set(fresh.subarray(0, part.length - at), at);
        at = Math.min(part.length, at + fresh.length);
        if (fresh.length > 0) attempt = 0;
        onProgress({ file: name, loaded: start + at, total: index.bytes });
      }
      await reader.cancel().catch(() => undefined);
      return part;
    } catch (error) {
      const pause = PAUSES_MS[attempt++];
      if (pause === undefined) {
        const where = `${((start + at) / 1e6).toFixed(1)} of ${(index.bytes / 1e6).toFixed(1)} MB`;
        throw new Error(`${name}: the download broke off at ${where}: ${(error as Error).message}`);
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

const key = (address: string, part: string) => `${address}?kept=${part}`;

async function readIndex(store: Cache, address: string): Promise<Index | null> {
  const found = await store.match(key(address, 'index'));
  return found ? ((await found.json()) as Index) : null;
}

async function countParts(store: Cache, address: string, index: Index): Promise<number> {
  let count = 0;
  for (let at = 0; at < index.bytes; at += PART) if (await store.match(key(address, String(at)))) count++;
  return count;
}

async function forget(store: Cache, address: string): Promise<void> {
  for (const request of await store.keys()) {
    if (request.url.startsWith(`${address}?kept=`)) await store.delete(request);
  }
}
