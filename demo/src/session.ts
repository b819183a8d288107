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
  /** Under way, where a GPU was lost: the same model on the CPU. */
  private recovery: Promise<Info> | undefined;

  constructor(private onChange: (state: State) => void) {}

  /** Loads a model into a fresh worker; one that was loaded before is dropped. `instead` says what it stands in for. */
  async load(options: LoadOptions, instead: string | null = null): Promise<Info> {
    if (!instead) this.recovery = undefined;
    await this.engine?.close();
    const change = (state: State) => {
      if (this.engine !== engine) return; // another load has begun since
      this.state = state;
      this.onChange(state);
    };
    let engine: WorkerEngine | undefined;
    let recovering: Promise<Info> | undefined;
    const lost = (reason: string) => {
      if (this.engine !== engine || recovering) return;
      const why = `the GPU was lost: ${reason}`;
      // A device that was asked for is used, or it fails.
      if (options.device || options.engine === 'mediapipe') {
        void engine?.close();
        change({ kind: 'failed', options, error: new Error(why) });
      } else {
        this.recovery = recovering = this.load({ ...options, device: 'wasm' }, why);
        recovering.catch(() => undefined); // the state tells it
      }
    };
    try {
      engine = new WorkerEngine((error) => change({ kind: 'failed', options, error }), lost);
      this.engine = engine;
      change({ kind: 'loading', options, download: null });
      const loaded = await engine.load(options, (download) => change({ kind: 'loading', options, download }));
      const info = { ...loaded, fallback_reason: loaded.fallback_reason ?? instead };
      change({ kind: 'ready', info });
      return info;
    } catch (error) {
      if (recovering) return recovering;
      if (!engine) this.engine = undefined; // no worker could be made
      change({ kind: 'failed', options, error: error as Error });
      throw error;
    }
  }

  async answer(text: string, options: AnswerOptions, onUpdate?: OnUpdate): Promise<Answer[]> {
    if (!this.engine || this.state.kind !== 'ready') throw new Error('no model is loaded');
    const { recovery } = this;
    try {
      return await this.engine.answer(text, options, onUpdate);
    } catch (error) {
      if (!this.recovery || this.recovery === recovery) throw error;
      await this.recovery;
      return this.engine.answer(text, options, onUpdate);
    }
  }

  info(): Info | null {
    return this.state.kind === 'ready' ? this.state.info : null;
  }
}
