// The engine for this device, found by trying: the fastest that gives the answer which was exported with the model.
// A processor's comes first, since it is there at once. A GPU is tried where there is one, software that plays one is not.
declare const __ENGINES__: string;

import { CpuEngine } from './cpu/engine';
import { UnknownModel } from './cpu/gemma';
import type { OnProgress } from './download';
import type { Adapter, Answer, AnswerOptions, Choice, Device, Engine, Info, LoadOptions, ModelCard, OnUpdate } from './engine';
import { GpuEngine } from './gpu/engine';
import { readCard } from './model';
import { message, TransformersEngine } from './transformers_engine';
import { probeWebGpu } from './webgpu';

const GPU_LIMIT_MS = 30_000; // to load, compile its shaders and answer

interface Loaded {
  engine: Engine;
  info: Info;
  /** Milliseconds of a token of its answer to the probe. */
  ms: number;
  /** Why it is not to be used; null if it answers right. */
  wrong: string | null;
}

export class ChosenEngine implements Engine {
  private engine: Engine | undefined;

  async load(options: LoadOptions, onProgress: OnProgress): Promise<Info> {
    const started = performance.now();
    const [{ adapter, problem }, card] = await Promise.all([probeWebGpu(), readCard(options.model)]);
    const trial = new Trial(options, onProgress, card);
    const gpu = adapter && [adapter.vendor, adapter.architecture, adapter.description];
    const of = JSON.stringify([__ENGINES__, options.model, card.bytes, gpu, navigator.hardwareConcurrency]);
    const known = options.remembered?.of === of ? options.remembered : null;

    const loaded = await this.pick(trial, options.device, adapter, known);
    this.engine = loaded.engine;
    const { info } = loaded;
    if (info.engine !== 'pocketmoji' && problem && !options.device) trial.note(problem);
    const choice: Choice = { of, engine: info.engine, device: info.device, threads: info.threads };
    return {
      ...info,
      adapter,
      fallback_reason: info.fallback_reason ?? (trial.problems.join('; ') || null),
      measured: trial.measured,
      choice: trial.problems.length > 0 ? null : choice,
      load_seconds: (performance.now() - started) / 1000,
    };
  }

  private async pick(trial: Trial, device: Device | undefined, adapter: Adapter | null, known: Choice | null): Promise<Loaded> {
    if (device === 'webgpu') {
      const asked = await trial.gpu();
      if (asked.wrong) throw new Error(asked.wrong);
      return asked;
    }
    const mayUseGpu = device === undefined && adapter !== null && !adapter.is_fallback;
    if (mayUseGpu && known?.device === 'webgpu') {
      const again = await trial.gpu().catch(trial.note);
      if (again && !again.wrong) return again;
      await again?.engine.close();
    }
    const cpu = await trial.cpu(known?.engine === 'pocketmoji' && known.device === 'wasm' ? known.threads : undefined);
    if (!mayUseGpu || known) return cpu;
    const gpu = await trial.gpu(cpu).catch(trial.note);
    if (!gpu) return cpu;
    const winner = !gpu.wrong && (cpu.wrong || gpu.ms < cpu.ms) ? gpu : cpu;
    await (winner === gpu ? cpu : gpu).engine.close();
    return winner;
  }

  async answer(text: string, options: AnswerOptions, onUpdate?: OnUpdate): Promise<Answer[]> {
    return this.engine!.answer(text, options, onUpdate);
  }

  async close(): Promise<void> {
    await this.engine?.close();
  }
}

/** Loads engines and lets them answer the probe. */
class Trial {
  measured: Record<string, number> = {};
  problems: string[] = [];

  constructor(
    private options: LoadOptions,
    private onProgress: OnProgress,
    private card: ModelCard,
  ) {}

  note = (error: unknown): undefined => {
    this.problems.push(message(error));
  };

  /** The page's own engine; Transformers.js on WASM for a model that it does not know, or where it answers wrong. */
  async cpu(threads: number | undefined): Promise<Loaded> {
    const engine = new CpuEngine();
    try {
      const info = await engine.load({ ...this.options, ...(threads ? { threads } : {}) }, this.onProgress);
      Object.assign(this.measured, info.measured);
      const own = await this.judge(engine, info);
      if (!own.wrong) return own;
      this.problems.push(own.wrong);
      await engine.close();
    } catch (error) {
      if (!(error instanceof UnknownModel)) throw error;
      console.warn(error.message);
    }
    const other = new TransformersEngine();
    const info = await other.load({ ...this.options, device: 'wasm' }, this.onProgress, engine.again());
    return this.judge(other, info);
  }

  /** The page's own engine on WebGPU, with the file that `cpu` has; Transformers.js for a model that it does not know. */
  async gpu(cpu?: Loaded): Promise<Loaded> {
    const trying = this.startGpu(cpu);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`WebGPU has not answered after ${GPU_LIMIT_MS / 1000} s`)), GPU_LIMIT_MS);
    });
    try {
      const loaded = await (this.options.device ? trying : Promise.race([trying, late]));
      this.measured.webgpu = loaded.ms;
      if (loaded.wrong) this.problems.push(loaded.wrong);
      return loaded;
    } finally {
      clearTimeout(timer);
    }
  }

  private async startGpu(cpu: Loaded | undefined): Promise<Loaded> {
    const options = { ...this.options, device: 'webgpu' as const };
    const file = () => (cpu?.engine instanceof CpuEngine ? cpu.engine.again() : undefined);
    const own = new GpuEngine();
    try {
      return await this.judge(own, await own.load(options, this.onProgress, file()));
    } catch (error) {
      if (!(error instanceof UnknownModel)) throw error;
      console.warn(error.message);
    }
    const other = new TransformersEngine();
    return this.judge(other, await other.load(options, this.onProgress, file()));
  }

  /** Two answers, the first of which may take longer for what is compiled on the way. */
  private async judge(engine: Engine, info: Info): Promise<Loaded> {
    const { probe } = this.card;
    let wrong: string | null = null;
    let ms = Infinity;
    for (let i = 0; i < 2; i++) {
      try {
        const [answer] = await engine.answer(probe?.text ?? 'hi', { candidates: 1, grammar: false });
        if (!answer) throw new Error('it says nothing');
        ms = Math.min(ms, answer.tokens_per_s ? 1000 / answer.tokens_per_s : 1000 * answer.seconds);
        if (probe && answer.tokens.join() !== probe.tokens.join()) throw new Error(`it answers "${answer.raw}" to "${probe.text}"`);
      } catch (error) {
        const on = info.device === 'webgpu' ? `the GPU (${info.adapter?.vendor} ${info.adapter?.architecture})` : info.engine;
        wrong = `${on} computes wrong: ${message(error)}`;
        break;
      }
    }
    return { engine, info, ms, wrong };
  }
}
