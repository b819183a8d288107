// The page's own engine for GPUs: the kernels in kernels.ts on the file that was exported for ONNX Runtime, whose own take
// three times as many dispatches a token and 27 MB to download.
import { version } from '../../package.json';
import { readGemma, UnknownModel } from '../cpu/gemma';
import { readGraph } from '../cpu/onnx_file';
import { decode, type Limits } from '../decoding';
import type { ModelFile, OnProgress } from '../download';
import type { Answer, AnswerOptions, Engine, Info, LoadOptions, OnUpdate } from '../engine';
import type { Grammar } from '../grammar';
import { readGrammar, wantedGrammar } from '../grammar_file';
import { onnxFile, openFile, readCard, readStopTokens } from '../model';
import { commonBeginning, loadTokens, type Tokens } from '../tokens';
import { probeWebGpu, requestAdapter } from '../webgpu';
import { GpuDecoder } from './decoder';
import { largestPiece } from './weights';

const DEFAULT_DTYPE = 'q4';
const DEFAULT_MAX_NEW_TOKENS = 16;

export class GpuEngine implements Engine {
  private decoder!: GpuDecoder;
  private tokens!: Tokens;
  private limits!: Limits;
  private grammar: Grammar | undefined;

  /** `here`: the model file, if another engine has it already. */
  async load(options: LoadOptions, onProgress: OnProgress, here?: ModelFile): Promise<Info> {
    const started = performance.now();
    const { adapter, problem } = await probeWebGpu();
    if (!adapter) throw new Error(`no WebGPU adapter: ${problem}, and WebGPU was asked for`);
    const card = await readCard(options.model);
    const dtype = options.dtype ?? card.dtype ?? DEFAULT_DTYPE;
    const file = onnxFile(dtype);
    const name = `models/${options.model}/${file}`;
    const [source, tokens, stopTokenIds] = await Promise.all([
      here ?? openFile(options.model, file, card, options.keep ?? false, onProgress),
      loadTokens(options.model, card),
      card.stop_token_ids ?? readStopTokens(options.model, card),
    ]);
    this.grammar = await readGrammar(options.model, card);
    this.tokens = tokens;
    this.limits = { stopTokenIds, maxNewTokens: card.max_new_tokens ?? DEFAULT_MAX_NEW_TOKENS };
    const bytes = new Uint8Array(await new Response(source.stream as BodyInit).arrayBuffer());
    try {
      const gemma = readGemma(readGraph(bytes), new DataView(bytes.buffer));
      const device = await openDevice(largestPiece(gemma));
      this.decoder = await GpuDecoder.start(device, gemma, bytes, tokens.spell);
      await this.decoder.begin(commonBeginning(tokens.prompt('a'), tokens.prompt('b')));
    } catch (error) {
      const Kind = error instanceof UnknownModel ? UnknownModel : Error;
      throw new Kind(`${name} does not load: ${(error as Error).message}`);
    }
    return {
      engine: 'pocketmoji',
      model: options.model,
      file,
      bytes: bytes.length,
      dtype,
      device: 'webgpu',
      fallback_reason: null,
      adapter,
      cross_origin_isolated: self.crossOriginIsolated,
      threads: 1,
      measured: {},
      load_seconds: (performance.now() - started) / 1000,
      kept: source.kept(),
      from_store: source.fromStore,
      runtime_version: version,
      choice: null,
    };
  }

  async answer(text: string, options: AnswerOptions, onUpdate?: OnUpdate): Promise<Answer[]> {
    const limits = { ...this.limits, grammar: wantedGrammar(this.grammar, options.grammar) };
    return decode(this.decoder, this.tokens.prompt(text), limits, options, onUpdate);
  }

  async close(): Promise<void> {
    this.decoder?.close();
  }
}

/** The faster adapter, with buffers as large as the model needs. */
async function openDevice(largest: number): Promise<GPUDevice> {
  const adapter = await requestAdapter();
  if (!adapter) throw new Error('no WebGPU adapter: this browser gives none any more');
  const names = ['maxBufferSize', 'maxStorageBufferBindingSize'] as const;
  for (const name of names) {
    if (largest > adapter.limits[name]) throw new Error(`the GPU's ${name} is ${adapter.limits[name]}, and the model takes ${largest}`);
  }
  return adapter.requestDevice({ requiredLimits: Object.fromEntries(names.map((name) => [name, adapter.limits[name]])) });
}
