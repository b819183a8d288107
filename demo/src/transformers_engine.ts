// Transformers.js: ONNX Runtime on WebGPU or WebAssembly.
import type { PreTrainedModel, PreTrainedTokenizer, Tensor } from '@huggingface/transformers';
import { decode } from './decoding';
import type { ModelFile, OnProgress } from './download';
import type { Answer, AnswerOptions, Device, Engine, Info, LoadOptions, OnUpdate } from './engine';
import type { Grammar } from './grammar';
import { readGrammar, wantedGrammar } from './grammar_file';
import { fetchFile, inFolder, modelFile, modelsFolder, onnxFile, openFile, readCard, runtimeBinary, runtimeModule } from './model';
import { OnnxDecoder } from './onnx_decoder';
import { asked } from './prompt';
import { commonBeginning } from './tokens';
import { probeWebGpu } from './webgpu';

type Library = typeof import('@huggingface/transformers');

const DEFAULT_DTYPE = 'q4';
const DEFAULT_MAX_NEW_TOKENS = 16;
const MAX_THREADS = 4; // more only help large models, and a phone's other cores are slow ones

export class TransformersEngine implements Engine {
  private library!: Library;
  private tokenizer!: PreTrainedTokenizer;
  private model!: PreTrainedModel;
  private decoder!: OnnxDecoder;
  private stopTokenIds: number[] = [];
  private maxNewTokens = DEFAULT_MAX_NEW_TOKENS;
  private grammar: Grammar | undefined;

  /** `here`: the model file, if another engine has it already. */
  async load(options: LoadOptions, onProgress: OnProgress, here?: ModelFile): Promise<Info> {
    const started = performance.now();
    const { adapter, problem } = await probeWebGpu();
    if (options.device === 'webgpu' && !adapter) throw new Error(`no WebGPU adapter: ${problem}, and WebGPU was asked for`);
    const card = await readCard(options.model);
    const dtype = options.dtype ?? card.dtype ?? DEFAULT_DTYPE;
    const file = onnxFile(dtype);
    const open = () => openFile(options.model, file, card, options.keep ?? false, onProgress);
    let source = here ?? (await open());
    this.library = (await import(/* @vite-ignore */ await runtimeModule('transformers.min.js'))) as Library;
    const wanted: Device = options.device ?? (adapter ? 'webgpu' : 'wasm');
    const threads = await this.configure(wanted, options.threads);
    // Not through progress_callback: with one, Transformers.js asks for every file twice, the model included.
    const { pathname } = new URL(modelFile(options.model, file));
    this.library.env.fetch = async (input, init) => {
      const address = new URL(String(input), location.href);
      if (address.pathname !== pathname || (init?.method ?? 'GET') !== 'GET') {
        return fetchFile(address.href, inFolder(options.model, card), { ...init, cache: 'no-cache' });
      }
      return new Response(source.stream as BodyInit, { headers: { 'content-length': String(source.bytes) } });
    };

    let device = wanted;
    let reason = options.device ? null : problem;
    const loadOn = (on: Device) => this.loadModel(options.model, dtype, on, file);
    try {
      await loadOn(wanted);
    } catch (error) {
      if (source.problem()) throw source.problem();
      if (options.device || wanted === 'wasm') throw error;
      reason = `the model did not load on WebGPU: ${message(error)}`;
      device = 'wasm';
      source = await open();
      await loadOn('wasm').catch((error: unknown) => {
        throw source.problem() ?? error;
      });
    }
    const config = this.model.generation_config as { eos_token_id?: number | number[] } | null;
    this.stopTokenIds = card.stop_token_ids ?? [config?.eos_token_id ?? []].flat();
    this.maxNewTokens = card.max_new_tokens ?? DEFAULT_MAX_NEW_TOKENS;
    this.grammar = await readGrammar(options.model, card);
    return {
      engine: 'transformers.js',
      model: options.model,
      file,
      bytes: source.bytes,
      dtype,
      device,
      fallback_reason: reason,
      adapter,
      cross_origin_isolated: self.crossOriginIsolated,
      threads,
      measured: {},
      load_seconds: (performance.now() - started) / 1000,
      kept: source.kept(),
      from_store: source.fromStore,
      runtime_version: this.library.env.version,
      choice: null,
    };
  }

  /** Everything from our own origin, nothing from a cache that a new export under the same name would not reach. */
  private async configure(device: Device, wishedThreads: number | undefined): Promise<number> {
    const { env } = this.library;
    env.allowRemoteModels = false;
    env.allowLocalModels = true;
    env.localModelPath = modelsFolder();
    env.useBrowserCache = false;
    env.useWasmCache = false;
    const wasm = env.backends.onnx.wasm;
    if (!wasm) throw new Error('this build of Transformers.js has no WebAssembly backend');
    const build = `ort-wasm-simd-threaded${device === 'webgpu' ? '.asyncify' : ''}`;
    wasm.wasmPaths = { mjs: await runtimeModule(`${build}.mjs`), wasm: await runtimeBinary(`${build}.wasm`) };
    const threads = wishedThreads ?? Math.min(navigator.hardwareConcurrency, MAX_THREADS);
    wasm.numThreads = self.crossOriginIsolated ? threads : 1; // threads need shared memory
    return wasm.numThreads;
  }

  private async loadModel(model: string, dtype: string, device: Device, file: string): Promise<void> {
    const { AutoTokenizer, AutoModelForCausalLM } = this.library;
    this.tokenizer = await AutoTokenizer.from_pretrained(model);
    try {
      this.model = await AutoModelForCausalLM.from_pretrained(model, { device, dtype: dtype as 'q4' });
      this.decoder = new OnnxDecoder(this.library, this.model, this.tokenizer);
      await this.decoder.begin(commonBeginning(this.tokens('a'), this.tokens('b')));
    } catch (error) {
      throw new Error(`models/${model}/${file} does not load: ${message(error)}`);
    }
  }

  async answer(text: string, options: AnswerOptions, onUpdate?: OnUpdate): Promise<Answer[]> {
    const grammar = wantedGrammar(this.grammar, options.grammar);
    const limits = { stopTokenIds: this.stopTokenIds, maxNewTokens: this.maxNewTokens, grammar };
    return decode(this.decoder, this.tokens(text), limits, options, onUpdate);
  }

  private tokens(text: string): number[] {
    const { input_ids } = this.tokenizer(asked(text), { add_special_tokens: false }) as { input_ids: Tensor };
    return Array.from(input_ids.data as BigInt64Array, Number);
  }

  async close(): Promise<void> {
    await this.model?.dispose();
  }
}

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
