// What this browser keeps of a model, if it lets the page keep anything. Nothing here throws, and nothing waits for ever.
import type { Kept } from './engine';
import { within } from './time_limit';

const NAME = 'pocketmoji-models';
const LIMIT_MS = 5000;

export class Store {
  /** "kept" until something goes wrong; from then on nothing more is written. */
  state: Kept = 'kept';
  private constructor(private cache: Cache | null) {
    if (!cache) this.state = 'storage forbidden';
  }

  static async open(): Promise<Store> {
    try {
      // The mere word throws in a frame without storage, and is missing without https.
      return new Store(await within(LIMIT_MS, 'storage', caches.open(NAME)));
    } catch {
      return new Store(null);
    }
  }

  async get(key: string): Promise<Response | null> {
    try {
      return (this.cache && (await within(LIMIT_MS, 'storage', this.cache.match(key)))) ?? null;
    } catch {
      this.fail(null);
      return null;
    }
  }

  async put(key: string, content: BodyInit): Promise<void> {
    if (!this.cache || this.state !== 'kept') return;
    try {
      await within(LIMIT_MS, 'storage', this.cache.put(key, new Response(content)));
    } catch (error) {
      this.fail(error);
    }
  }

  /** Drops everything whose key begins so. */
  async forget(beginning: string): Promise<void> {
    try {
      for (const request of (await this.cache?.keys()) ?? []) {
        if (request.url.startsWith(beginning)) await this.cache?.delete(request);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    this.state = (error as Error | null)?.name === 'QuotaExceededError' ? 'storage full' : 'storage forbidden';
  }
}
