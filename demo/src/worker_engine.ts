// The page's end of the worker: an Engine that forwards to the one in the worker.
import type { Answer, AnswerOptions, Download, Engine, Info, LoadOptions, OnUpdate } from './engine';
import type { Reply, Request } from './protocol';

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
  onDownload?: (download: Download) => void;
  onUpdate?: OnUpdate | undefined;
}

// A plain Omit would merge the members of the union.
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

export class WorkerEngine implements Engine {
  private worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  private waiting = new Map<number, Waiting>();
  private nextId = 0;

  /** `onCrash` hears of a worker that stopped, whatever it was doing; `onLost` of a GPU that is gone. */
  constructor(
    onCrash: (error: Error) => void = () => undefined,
    private onLost: (reason: string) => void = () => undefined,
  ) {
    this.worker.addEventListener('message', (event: MessageEvent<Reply>) => this.receive(event.data));
    this.worker.addEventListener('error', (event) => {
      const error = new Error(`the model's worker stopped: ${event.message || 'it could not be started, or ran out of memory'}`);
      this.fail(error);
      onCrash(error);
    });
  }

  load(options: LoadOptions, onDownload: (download: Download) => void): Promise<Info> {
    const root = new URL('.', document.baseURI).href;
    return this.ask({ kind: 'load', root, options }, { onDownload }) as Promise<Info>;
  }

  answer(text: string, options: AnswerOptions, onUpdate?: OnUpdate): Promise<Answer[]> {
    return this.ask({ kind: 'answer', text, options }, { onUpdate }) as Promise<Answer[]>;
  }

  async close(): Promise<void> {
    this.worker.terminate(); // frees the model's memory at once
    this.fail(new Error('the model was unloaded'));
  }

  private ask(request: WithoutId<Request>, callbacks: Pick<Waiting, 'onDownload' | 'onUpdate'>): Promise<unknown> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, ...callbacks });
      this.worker.postMessage({ ...request, id });
    });
  }

  private receive(reply: Reply): void {
    const waiting = this.waiting.get(reply.id);
    if (reply.kind === 'lost') this.onLost(reply.reason);
    else if (reply.kind === 'download') waiting?.onDownload?.(reply.download);
    else if (reply.kind === 'update') waiting?.onUpdate?.(reply.update);
    else {
      this.waiting.delete(reply.id);
      if (reply.kind === 'done') waiting?.resolve(reply.result);
      else waiting?.reject(new Error(reply.error));
    }
  }

  private fail(error: Error): void {
    for (const waiting of this.waiting.values()) waiting.reject(error);
    this.waiting.clear();
  }
}
