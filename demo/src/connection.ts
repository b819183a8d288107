// The bytes of one file from a server that may break off, know no ranges, compress, or answer with something else.
import { within } from './time_limit';

const PAUSES_MS = [500, 1500, 4000]; // before a broken connection is tried again
const STALL_MS = 60_000;
const LFS = 'version https://git-lfs';
const PAGE = /^\s*<(!doctype|html|head|body)/i;

export const notThere = (name: string, why: string) => new Error(`${name} is not there: ${why}`);

/** A failure that another try does not cure. */
class Final extends Error {}

export class Connection {
  used = false;
  private reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  private rest: Uint8Array = new Uint8Array();
  private at = 0; // of the byte that is read next
  private ranges = true;
  private cache: RequestCache = 'no-cache';

  /** `bytes` 0: not known. `onBytes` hears how many of the part that is being read are here. */
  constructor(
    private address: string,
    private name: string,
    private bytes: number,
    private onBytes: (more: number) => void,
  ) {}

  /** `wanted` bytes from `start` on; fewer only at the end of a file of unknown size. */
  async read(start: number, wanted: number): Promise<Uint8Array<ArrayBuffer>> {
    this.used = true;
    const part = new Uint8Array(wanted);
    let got = 0;
    for (let attempt = 0; got < wanted; ) {
      try {
        if (!this.reader || this.at !== start + got) await this.connect(start + got);
        const chunk = await this.next();
        if (!chunk) {
          if (!this.bytes) return part.slice(0, got);
          await this.confirmEnd(start + got);
          continue;
        }
        const taken = chunk.subarray(0, wanted - got);
        this.rest = chunk.subarray(taken.length);
        part.set(taken, got);
        got += taken.length;
        this.at += taken.length;
        attempt = 0;
        this.onBytes(got);
      } catch (error) {
        this.close();
        const pause = PAUSES_MS[attempt++];
        if (attempt > 1) this.ranges = false; // a host that compresses ranges gives something that no browser unpacks
        if (error instanceof Final || pause === undefined) throw this.brokenOff(start + got, error as Error);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    return part;
  }

  /** The same, asked for anew and from no cache. */
  async again(start: number, wanted: number): Promise<Uint8Array<ArrayBuffer>> {
    this.close();
    this.cache = 'reload';
    return this.read(start, wanted);
  }

  /** Fails if the file goes on after its last byte. */
  async expectEnd(): Promise<void> {
    const more = this.reader && this.at === this.bytes ? await this.next().catch(() => null) : null;
    this.close();
    if (more) throw new Error(`${this.name} does not load: it has more than the ${this.bytes} bytes that were exported`);
  }

  private async connect(start: number): Promise<void> {
    this.close();
    // A range comes uncompressed; a whole file may be compressed on the way, and the browser unpacks it.
    const headers: HeadersInit = this.ranges ? { range: `bytes=${start}-` } : {};
    const response = await within(STALL_MS, this.name, fetch(this.address, { headers, cache: this.cache }));
    if (response.status === 416) throw new Final(this.halfAFile(start)); // it ends before
    if ([401, 403, 404, 410].includes(response.status)) {
      throw new Final(notThere(this.name, `the server answered ${response.status}`).message);
    }
    if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
    const partial = response.status === 206;
    const asked = response.headers.get('content-range')?.startsWith(`bytes ${start}-`) ?? true;
    if (partial && (!asked || response.headers.get('content-encoding'))) {
      this.ranges = false;
      throw new Error('the server sent another range than was asked for');
    }
    this.reader = response.body.getReader();
    this.at = start;
    // A server that knows no ranges sends everything: what is here already is passed over.
    for (let skip = partial ? 0 : start; skip > 0; ) {
      const chunk = await this.next();
      if (!chunk) throw new Final(this.halfAFile(start - skip));
      this.rest = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - this.rest.length;
    }
    if (start === 0) await this.look();
  }

  /** The first bytes tell a page, or a pointer, that a host sends in place of the file. */
  private async look(): Promise<void> {
    const first = await this.next();
    if (!first) return;
    this.rest = first;
    const beginning = new TextDecoder().decode(first.subarray(0, 100));
    if (PAGE.test(beginning)) throw new Final(notThere(this.name, 'the server answered with a web page').message);
    if (beginning.startsWith(LFS)) {
      throw new Final(notThere(this.name, 'the host serves the pointer that Git LFS keeps in its place').message);
    }
  }

  private async next(): Promise<Uint8Array | null> {
    if (this.rest.length > 0) {
      const { rest } = this;
      this.rest = new Uint8Array();
      return rest;
    }
    for (;;) {
      const { done, value } = await within(STALL_MS, this.name, this.reader!.read());
      if (done) return null;
      if (value.length > 0) return value;
    }
  }

  /** The stream ended before the file should: a connection that was cut in a way that looks like an end, or half a file. */
  private async confirmEnd(at: number): Promise<void> {
    await this.connect(at);
    const more = await this.next();
    if (!more) throw new Final(this.halfAFile(at));
    this.rest = more;
  }

  private halfAFile(at: number): string {
    return `${this.name} does not load: it has ${at} bytes, ${this.bytes} were exported (half a file?)`;
  }

  private brokenOff(at: number, error: Error): Error {
    if (error instanceof Final) return new Error(error.message);
    const of = this.bytes ? `${(at / 1e6).toFixed(1)} of ${(this.bytes / 1e6).toFixed(1)} MB` : `${(at / 1e6).toFixed(1)} MB`;
    return new Error(`${this.name}: the download broke off at ${of}: ${error.message}`);
  }

  private close(): void {
    void this.reader?.cancel().catch(() => undefined);
    this.reader = null;
    this.rest = new Uint8Array();
  }
}
