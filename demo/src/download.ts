// Getting a model file: real progress, resumed where a connection broke, joined where a host takes only smaller files,
// and kept in this browser for the next visit. What a host says of a file is believed only where it cannot be wrong: a
// Content-Length may be that of the compressed file, and a page in place of a missing file comes with status 200.
import { Connection, notThere } from './connection';
import type { Download, Kept } from './engine';
import { Store } from './storage';
import { within } from './time_limit';

export type OnProgress = (download: Download) => void;

/** A file as a host has it: the whole model file, or a part of it. */
export interface Piece {
  address: string;
  /** As exported. Without them the server's word is taken, if it gives one. */
  bytes?: number | undefined;
  sha256?: string | undefined;
}

export interface ModelFile {
  stream: ReadableStream<Uint8Array>;
  /** Its size; what has been read so far where nobody knows it. */
  readonly bytes: number;
  /** Settled when the stream has been read to its end. */
  kept: () => Kept;
  fromStore: boolean;
  /** What went wrong while it was read. Readers that are not ours tell it as a failed request. */
  problem: () => Error | null;
}

interface Index {
  /** 0: not known. */
  bytes: number;
  /** What tells one version of the file from another: its digest, its ETag, or its date. Empty: nothing does. */
  version: string;
}

const PART = 8 * 2 ** 20;
const LARGEST_CHECKED = 32 * 2 ** 20; // a digest needs all of its bytes at once
const HEAD_LIMIT_MS = 20_000;

/** The file that consists of `pieces`. `keep` false: nothing stored. Fails in words if it is not there. */
export async function openModelFile(
  pieces: Piece[],
  name: string,
  keep: boolean,
  onProgress: OnProgress,
): Promise<ModelFile> {
  const store = keep ? await Store.open() : null;
  const sources = await Promise.all(pieces.map((piece) => Source.find(piece, name, store)));
  const known = sources.every(({ index }) => index.bytes > 0);
  const total = known ? sources.reduce((sum, { index }) => sum + index.bytes, 0) : 0;
  let loaded = 0;
  let problem: Error | null = null;
  const parts = readAll(sources, (more) => onProgress({ file: name, loaded: loaded + more, total }));
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await parts.next().catch((error: Error) => {
          problem = error;
          throw error;
        });
        if (done) return controller.close();
        loaded += value.byteLength;
        onProgress({ file: name, loaded, total });
        controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
  return {
    stream,
    get bytes() {
      return total || loaded;
    },
    kept: () => store?.state ?? 'not asked',
    fromStore: sources.every(({ whole }) => whole),
    problem: () => problem,
  };
}

async function* readAll(sources: Source[], onBytes: (more: number) => void): AsyncGenerator<Uint8Array> {
  for (const source of sources) yield* source.read(onBytes);
}

/** One piece, from the store or the server. */
class Source {
  private unit: number;

  private constructor(
    private piece: Piece,
    private name: string,
    private store: Store | null,
    readonly index: Index,
    readonly whole: boolean,
  ) {
    this.unit = this.checked ? index.bytes : PART;
  }

  /** Asks the server which version it has; without one that answers, what is kept has to do. */
  static async find(piece: Piece, name: string, store: Store | null): Promise<Source> {
    const { address } = piece;
    const stored = store && (await readIndex(store, address));
    const head = await within(HEAD_LIMIT_MS, name, fetch(address, { method: 'HEAD', cache: 'no-cache' })).catch(() => null);
    if ((!head || head.status >= 500) && store && stored) {
      return new Source(piece, name, store, stored, await isWhole(store, address, stored, piece));
    }
    if (!head) {
      throw new Error(`${name}: the server cannot be reached, and the model is not kept here${store ? ' yet' : ''}`);
    }
    if (head.status === 404 || head.status === 410) throw notThere(name, `the server answered ${head.status}`);
    // Any other refusal may be of HEAD alone.
    const index: Index = {
      bytes: piece.bytes ?? (head.ok && !head.headers.get('content-encoding') ? contentLength(head) : 0),
      version: piece.sha256 ?? (head.ok ? versionOf(head) : ''),
    };
    const same = stored && index.version !== '' && stored.version === index.version;
    if (store && stored && same && (!index.bytes || stored.bytes === index.bytes)) {
      return new Source(piece, name, store, stored, await isWhole(store, address, stored, piece));
    }
    if (store && stored) await store.forget(key(address, ''));
    const source = new Source(piece, name, store, index, false);
    if (index.bytes) await source.writeIndex(index);
    return source;
  }

  private get checked(): boolean {
    return unitOf(this.piece, this.index) !== PART;
  }

  async *read(onBytes: (more: number) => void): AsyncGenerator<Uint8Array> {
    const { bytes } = this.index;
    const connection = new Connection(this.piece.address, this.name, bytes, onBytes);
    let at = 0;
    while (!bytes || at < bytes) {
      const wanted = bytes ? Math.min(this.unit, bytes - at) : this.unit;
      const part = (await this.kept(at, wanted)) ?? (await this.fetched(connection, at, wanted));
      at += part.byteLength;
      if (part.byteLength) yield part;
      if (part.byteLength < wanted) break; // the file's end, where its size was not known
    }
    if (bytes && connection.used) await connection.expectEnd();
    if (!bytes) await this.writeIndex({ ...this.index, bytes: at });
  }

  private async kept(at: number, wanted: number): Promise<Uint8Array | null> {
    const here = this.index.bytes ? await this.store?.get(key(this.piece.address, String(at))) : null;
    const part = here && new Uint8Array(await here.arrayBuffer());
    return part && part.byteLength === wanted ? part : null;
  }

  private async fetched(connection: Connection, at: number, wanted: number): Promise<Uint8Array> {
    let part = await connection.read(at, wanted);
    if (this.checked && !(await this.isGood(part))) {
      part = await connection.again(at, wanted); // past whatever stands between here and the server
      if (!(await this.isGood(part))) {
        const file = this.piece.address.split('/').at(-1);
        throw new Error(`${this.name} does not load: ${file} has another SHA-256 than what was written (damaged on the way)`);
      }
    }
    // A copy: the reader takes over the part's buffer.
    await this.store?.put(key(this.piece.address, String(at)), part.slice());
    return part;
  }

  private async isGood(part: Uint8Array<ArrayBuffer>): Promise<boolean> {
    if (!globalThis.crypto?.subtle) return true; // a page without https
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', part));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') === this.piece.sha256;
  }

  private async writeIndex(index: Index): Promise<void> {
    if (index.version) await this.store?.put(key(this.piece.address, 'index'), JSON.stringify(index));
  }
}

const key = (address: string, part: string) => `${address}?kept=${part}`;

const unitOf = (piece: Piece, index: Index) =>
  piece.sha256 && piece.bytes && index.bytes <= LARGEST_CHECKED ? Math.max(1, index.bytes) : PART;

function contentLength(head: Response): number {
  return Number(head.headers.get('content-length') ?? 0);
}

/** Compressed or not, weak or strong: the same file. */
function versionOf(head: Response): string {
  const tag = head.headers.get('etag')?.replace(/^W\//, '').replace(/[-;](gzip|br|zstd|df)"$/, '"');
  return tag ?? head.headers.get('last-modified') ?? '';
}

async function readIndex(store: Store, address: string): Promise<Index | null> {
  const found = await store.get(key(address, 'index'));
  return found ? ((await found.json().catch(() => null)) as Index | null) : null;
}

async function isWhole(store: Store, address: string, index: Index, piece: Piece): Promise<boolean> {
  const unit = unitOf(piece, index);
  for (let at = 0; at < index.bytes; at += unit) if (!(await store.get(key(address, String(at))))) return false;
  return index.bytes > 0;
}
