// Transformers.js: ONNX Runtime on WebGPU or WebAssembly.
import type { LogitsProcessor as Processor, PreTrainedModel, PreTrainedTokenizer, Tensor } from '@huggingface/transformers';
import { counted, type OnProgress } from './download';
import type { Answer, AnswerOptions, Device, Engine, Info, LoadOptions } from './engine';
import { modelFile, modelsFolder, onnxFile, readCard, requireFile, runtimeFile } from './model';
import { render } from './prompt';
import { probeAdapter } from './webgpu';

type Library = typeof import('@huggingface/transformers');
type Generate = (options: Record<string, unknown>) => Promise<Tensor>;

const DEFAULT_DTYPE = 'q4';
const DEFAULT_MAX_NEW_TOKENS = 16;
const MAX_THREADS = 4; // more only help large models, and a phone's other cores are slow ones
// A tuned model is sure of itself: this lets the second thoughts through.
const SAMPLING = { do_sample: true, temperature: 1.2, top_k: 40 };

export class TransformersEngine implements Engine {
  private library!: Library;
  private tokenizer!: PreTrainedTokenizer;
  private model!: PreTrainedModel;
  private stopTokenIds: number[] = [];
  private maxNewTokens = DEFAULT_MAX_NEW_TOKENS;

  async load(options: LoadOptions, onProgress: OnProgress): Promise<Info> {
    const started = performance.now();
    const adapter = await probeAdapter();
    if (options.device === 'webgpu' && !adapter) {
      throw new Error('no WebGPU adapter: this browser gives none, and WebGPU was asked for');
    }
    const card = await readCard(options.model);
    const dtype = options.dtype ?? card.dtype ?? DEFAULT_DTYPE;
    const file = onnxFile(dtype);
    const bytes = await requireFile(options.model, file);
    this.library = (await import(/* @vite-ignore */ runtimeFile('transformers.min.js'))) as Library;
    const threads = this.configure(options.threads);
    // Not through progress_callback: with one, Transformers.js asks for every file twice, the model included.
    const { pathname } = new URL(modelFile(options.model, file));
    this.library.env.fetch = async (input, init) => {
      const response = await fetch(input, { ...init, cache: 'no-cache' });
      return String(input) === pathname ? counted(response, file, onProgress) : response;
    };

    const wanted: Device = options.device ?? (adapter ? 'webgpu' : 'wasm');
    let device = wanted;
    let reason = !options.device && !adapter ? 'this browser gives no WebGPU adapter' : null;
    const loadOn = (on: Device) => this.loadModel(options.model, dtype, on, file);
    try {
      await loadOn(wanted);
    } catch (error) {
      if (options.device || wanted === 'wasm') throw error;
      reason = `the model did not load on WebGPU: ${message(error)}`;
      device = 'wasm';
      await loadOn('wasm');
    }
    const config = this.model.generation_config as { eos_token_id?: number | number[] } | null;
    this.stopTokenIds = card.stop_token_ids ?? [config?.eos_token_id ?? []].flat();
    this.maxNewTokens = card.max_new_tokens ?? DEFAULT_MAX_NEW_TOKENS;
    return {
      engine: 'transformers.js',
      model: options.model,
      file,
      bytes,
      dtype,
      device,
      fallback_reason: reason,
      adapter,
      cross_origin_isolated: self.crossOriginIsolated,
      threads,
      load_seconds: (performance.now() - started) / 1000,
      runtime_version: this.library.env.version,
    };
  }

  /** Everything from our own origin, nothing from a cache that a new export under the same name would not reach. */
  private configure(wishedThreads: number | undefined): number {
    const { env } = this.library;
    env.allowRemoteModels = false;
    env.allowLocalModels = true;
    env.localModelPath = modelsFolder();
    env.useBrowserCache = false;
    env.useWasmCache = false;
    const wasm = env.backends.onnx.wasm;
    if (!wasm) throw new Error('this build of Transformers.js has no WebAssembly backend');
    wasm.wasmPaths = runtimeFile('');
    const threads = wishedThreads ?? Math.min(navigator.hardwareConcurrency, MAX_THREADS);
    wasm.numThreads = self.crossOriginIsolated ? threads : 1; // threads need shared memory
    return wasm.numThreads;
  }

  private async loadModel(model: string, dtype: string, device: Device, file: string): Promise<void> {
    const { AutoTokenizer, AutoModelForCausalLM } = this.library;
    this.tokenizer = await AutoTokenizer.from_pretrained(model);
    try {
      this.model = await AutoModelForCausalLM.from_pretrained(model, { device, dtype: dtype as 'q4' });
    } catch (error) {
      throw new Error(`models/${model}/${file} does not load: ${message(error)}`);
    }
  }

  async answer(text: string, options: AnswerOptions, onAnswer?: (answer: Answer) => void): Promise<Answer[]> {
    const answers: Answer[] = [];
    const isNew = (answer: Answer) => answers.every((earlier) => earlier.raw !== answer.raw);
    while (answers.length < options.candidates) {
      let answer = await this.generate(text, answers.length > 0 ? SAMPLING : { do_sample: false }, []);
      if (!isNew(answer)) {
        // Sampling said the same again: make it begin differently, which cannot fail to be another answer.
        const used = answers.flatMap((earlier) => earlier.tokens.slice(0, 1));
        answer = await this.generate(text, SAMPLING, [...used, ...this.stopTokenIds]);
        if (!isNew(answer)) break;
      }
      answers.push(answer);
      onAnswer?.(answer);
    }
    return answers;
  }

  /** One answer; none of the tokens in `notFirst` begins it. */
  private async generate(text: string, sampling: object, notFirst: number[]): Promise<Answer> {
    const started = performance.now();
    const times: number[] = [];
    const inputs = this.tokenizer(render(text), { add_special_tokens: false }) as { input_ids: Tensor };
    const promptLength = inputs.input_ids.dims[1] ?? 0;
    const output = await (this.model.generate as Generate)({
      ...inputs,
      ...sampling,
      max_new_tokens: this.maxNewTokens,
      eos_token_id: this.stopTokenIds,
      repetition_penalty: 1,
      logits_processor: this.suppressFirst(notFirst, promptLength),
      // The first call hands over the prompt, each further one a new token.
      streamer: { put: () => times.push(performance.now()), end: () => undefined },
    });
    const generated = Array.from(output.data as BigInt64Array, Number).slice(promptLength);
    const at = generated.findIndex((token) => this.stopTokenIds.includes(token));
    const tokens = at < 0 ? generated : generated.slice(0, at + 1);
    const raw = this.tokenizer.decode(at < 0 ? tokens : tokens.slice(0, -1), {
      skip_special_tokens: false,
      clean_up_tokenization_spaces: false,
    });
    const [first, last] = [times[1] ?? started, times.at(-1) ?? started];
    return {
      raw,
      tokens,
      stopped: at >= 0,
      seconds: (performance.now() - started) / 1000,
      ttft_ms: first - started,
      tokens_per_s: tokens.length > 1 && last > first ? (tokens.length - 1) / ((last - first) / 1000) : null,
    };
  }

  private suppressFirst(tokens: number[], promptLength: number): unknown {
    const { LogitsProcessor, LogitsProcessorList } = this.library;
    class SuppressFirst extends (LogitsProcessor as typeof Processor) {
      override _call(ids: bigint[][], logits: Tensor): Tensor {
        const row = logits.data as Float32Array;
        if (ids[0]?.length === promptLength) for (const token of tokens) row[token] = -Infinity;
        return logits;
      }
    }
    const list = new LogitsProcessorList();
    if (tokens.length > 0) list.push(new SuppressFirst());
    return list;
  }

  async close(): Promise<void> {
    await this.model?.dispose();
  }
}

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
