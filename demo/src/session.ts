// The model that the page has loaded, or is loading. The interface and window.pocketmoji both go through here.
import type { Answer, AnswerOptions, Download, Info, LoadOptions, OnUpdate } from './engine';
import { WorkerEngine } from './worker_engine';

export type State =
  | { kind: 'empty' }
  | { kind: 'loading'; options: LoadOptions; download: Download | null }
  | { kind: 'ready'; info: Info }
  | { kind: 'failed'; options: LoadOptions; error: Error };

export class Session {
  state: State = { kind: 'empty' };
  private engine: WorkerEngine | undefined;

  constructor(private onChange: (state: State) => void) {}

  /** Loads a model into a fresh worker; one that was loaded before is dropped. */
  async load(options: LoadOptions): Promise<Info> {
    await this.engine?.close();
    const change = (state: State) => {
      if (this.engine !== engine) return; // another load has begun since
      this.state = state;
      this.onChange(state);
    };
    const engine: WorkerEngine = new WorkerEngine((error) => change({ kind: 'failed', options, error }));
    this.engine = engine;
    change({ kind: 'loading', options, download: null });
    try {
      const info = await engine.load(options, (download) => change({ kind: 'loading', options, download }));
      change({ kind: 'ready', info });
      return info;
    } catch (error) {
      change({ kind: 'failed', options, error: error as Error });
      throw error;
    }
  }

  async answer(text: string, options: AnswerOptions, onUpdate?: OnUpdate): Promise<Answer[]> {
    if (!this.engine || this.state.kind !== 'ready') throw new Error('no model is loaded');
    return this.engine.answer(text, options, onUpdate);
  }

  info(): Info | null {
    return this.state.kind === 'ready' ? this.state.info : null;
  }
}
