// The page's own engine for processors: the decoder in demo/decoder on the file that was exported for ONNX Runtime.
import { version } from '../../package.json';
import plain from '../../decoder/build/decoder.wasm?url';
import shared from '../../decoder/build/decoder-threads.wasm?url';
import { decode, type Limits } from '../decoding';
import type { ModelFile, OnProgress } from '../download';
import type { Answer, AnswerOptions, Engine, Info, LoadOptions, OnUpdate } from '../engine';
import { readGrammar, wantedGrammar } from '../grammar_file';
import { onnxFile, openFile, readCard, readStopTokens } from '../model';
import { commonBeginning, loadTokens, type Tokens } from '../tokens';
import { CpuDecoder } from './decoder';
import { readGemma, UnknownModel } from './gemma';
import { Machine } from './machine';
import { readGraph } from './onnx_file';

const DEFAULT_DTYPE = 'q4';
const DEFAULT_MAX_NEW_TOKENS = 16;
const ROOM = 2 ** 28; // for cache and working memory, beside the file
const THREADS = [1, 2, 4]; // more only help large models, and a phone's other cores are slow ones
const STEPS = 5; // timed per number of threads
const PART = 2 ** 22;
const WORTHWHILE = 0.9; // more threads must take at most this share of a token's time

export class CpuEngine implements Engine {
  private machine!: Machine;
  private decoder!: CpuDecoder;
  private tokens!: Tokens;
  private limits!: Limits;
  private file!: { place: number; bytes: number; source: ModelFile };

  async load(options: LoadOptions, onProgress: OnProgress): Promise<Info> {
    const started = performance.now();
    if (options.device === 'webgpu') throw new Error('this engine is for processors, and WebGPU was asked for');
    const card = await readCard(options.model);
    const dtype = options.dtype ?? card.dtype ?? DEFAULT_DTYPE;
    const file = onnxFile(dtype);
    const name = `models/${options.model}/${file}`;
    const [source, tokens, stopTokenIds, grammar] = await Promise.all([
      openFile(options.model, file, card, options.keep ?? false, onProgress),
      loadTokens(options.model, card),
      card.stop_token_ids ?? readStopTokens(options.model, card),
      readGrammar(options.model, card),
    ]);
    this.tokens = tokens;
    this.limits = { stopTokenIds, maxNewTokens: card.max_new_tokens ?? DEFAULT_MAX_NEW_TOKENS, grammar };
    try {
      await this.open(source);
      this.decoder.begin(commonBeginning(tokens.prompt('a'), tokens.prompt('b')));
    } catch (error) {
      if (source.problem()) throw source.problem();
      const Kind = error instanceof UnknownModel ? UnknownModel : Error;
      throw new Kind(`${name} does not load: ${(error as Error).message}`);
    }
    const measured = await this.useThreads(options.threads);
    return {
      engine: 'pocketmoji',
      model: options.model,
      file,
      bytes: this.file.bytes,
      dtype,
      device: 'wasm',
      fallback_reason: null,
      adapter: null,
      cross_origin_isolated: self.crossOriginIsolated,
      threads: this.machine.threads,
      measured,
      load_seconds: (performance.now() - started) / 1000,
      kept: source.kept(),
      from_store: source.fromStore,
      runtime_version: version,
      choice: null,
    };
  }

  /** The file as it comes goes where the decoder reads its weights: there is no second copy of it. */
  private async open(source: ModelFile): Promise<void> {
    const whole = source.bytes === 0 ? new Uint8Array(await new Response(source.stream as BodyInit).arrayBuffer()) : null;
    const bytes = whole?.length ?? source.bytes;
    const machine = await startMachine(bytes + ROOM);
    const place = machine.allocate(bytes);
    const memory = machine.bytes(place, bytes);
    if (whole) memory.set(whole);
    else await fill(memory, source.stream);
    this.machine = machine;
    this.file = { place, bytes, source };
    const gemma = readGemma(readGraph(memory), new DataView(memory.buffer, memory.byteOffset, bytes));
    this.decoder = new CpuDecoder(machine, gemma, place, this.tokens.spell);
  }

  /** The number of threads that is asked for, or the fastest: as the machine is now, with all else that it does.
   * Returns the milliseconds of a token for each that was tried. */
  private async useThreads(asked: number | undefined): Promise<Record<string, number>> {
    const measured: Record<string, number> = {};
    if (asked || !this.machine.canShare) {
      await this.machine.setThreads(asked ?? 1);
      return measured;
    }
    let best = { threads: 1, ms: Infinity };
    for (const threads of THREADS) {
      if (threads > navigator.hardwareConcurrency) break;
      try {
        await this.machine.setThreads(threads);
      } catch (error) {
        console.warn(error);
        break;
      }
      const ms = this.decoder.time(STEPS);
      measured[`wasm, ${threads} thread${threads > 1 ? 's' : ''}`] = ms;
      if (ms < WORTHWHILE * best.ms) best = { threads, ms };
    }
    await this.machine.setThreads(best.threads);
    return measured;
  }

  async answer(text: string, options: AnswerOptions, onUpdate?: OnUpdate): Promise<Answer[]> {
    const limits = { ...this.limits, grammar: wantedGrammar(this.limits.grammar, options.grammar) };
    return decode(this.decoder, this.tokens.prompt(text), limits, options, onUpdate);
  }

  /** The file that was loaded, for another engine: it need not be downloaded again. */
  again(): ModelFile {
    const { place, bytes, source } = this.file;
    let at = 0;
    const stream = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          if (at >= bytes) return controller.close();
          const part = this.machine.bytes(place + at, Math.min(PART, bytes - at)).slice(); // not shared memory
          at += part.length;
          controller.enqueue(part);
        },
      },
      { highWaterMark: 0 },
    );
    return { ...source, stream, bytes };
  }

  async close(): Promise<void> {
    await this.machine?.setThreads(1);
  }
}

async function startMachine(room: number): Promise<Machine> {
  if (self.crossOriginIsolated) {
    try {
      return await Machine.start(await compile(shared), true, room);
    } catch (error) {
      console.warn('no memory that threads can share:', error);
    }
  }
  return Machine.start(await compile(plain), false, room);
}

/** Not compileStreaming: a host that serves WebAssembly under another type is no reason to do without. */
async function compile(address: string): Promise<WebAssembly.Module> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`the decoder is not there: the server answered ${response.status}`);
  return WebAssembly.compile(await response.arrayBuffer());
}

async function fill(memory: Uint8Array, stream: ReadableStream<Uint8Array>): Promise<void> {
  const reader = stream.getReader();
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at + value.length > memory.length) throw new Error(`it is longer than the ${memory.length} bytes that were announced`);
    memory.set(value, at);
    at += value.length;
  }
  if (at < memory.length) throw new Error(`it ends after ${at} of ${memory.length} bytes`);
}
