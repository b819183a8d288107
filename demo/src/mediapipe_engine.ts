// MediaPipe's LLM inference: a LiteRT model in a .task bundle, on WebGPU only.
import type { LlmInference } from '@mediapipe/tasks-genai';
import { dependencies } from '../package.json';
import type { OnProgress } from './download';
import type { Answer, AnswerOptions, Engine, Info, LoadOptions, OnUpdate } from './engine';
import { wantedGrammar } from './grammar_file';
import { openFile, readCard, runtimeBinary, runtimeFile, runtimeModule } from './model';
import { asked, BOS } from './prompt';
import { probeWebGpu } from './webgpu';

type Library = typeof import('@mediapipe/tasks-genai');

const DEFAULT_TASK_FILE = 'model.task';
const DEFAULT_MAX_NEW_TOKENS = 16;
const MAX_TOKENS = 256; // prompt and answer together
const GREEDY = { topK: 1, temperature: 0, randomSeed: 1 };
const SAMPLING = { topK: 40, temperature: 1.2 };
const TRIES = 3;

export class MediaPipeEngine implements Engine {
  private llm!: LlmInference;
  private maxNewTokens = DEFAULT_MAX_NEW_TOKENS;
  private sampling: object = GREEDY;
  private running: Promise<unknown> = Promise.resolve();

  async load(options: LoadOptions, onProgress: OnProgress): Promise<Info> {
    const started = performance.now();
    if (options.device === 'wasm') throw new Error('MediaPipe runs language models on WebGPU only, and WASM was asked for');
    const { adapter, problem } = await probeWebGpu();
    if (!adapter) throw new Error(`no WebGPU adapter: ${problem}, and MediaPipe needs one`);
    const card = await readCard(options.model);
    const file = card.task_file ?? DEFAULT_TASK_FILE;
    const source = await openFile(options.model, file, card, options.keep ?? false, onProgress);
    const { FilesetResolver, LlmInference } = (await import(
      /* @vite-ignore */ await runtimeModule('genai_bundle.mjs')
    )) as Library;
    const folder = runtimeFile('').replace(/\/$/, '');
    const fileset = await FilesetResolver.forGenAiTasks(folder, true); // true: the flavour for module workers
    fileset.wasmBinaryPath = await runtimeBinary(fileset.wasmBinaryPath.split('/').at(-1)!);
    this.llm = await LlmInference.createFromOptions(fileset, {
      baseOptions: { modelAssetBuffer: source.stream.getReader() as ReadableStreamDefaultReader },
      maxTokens: MAX_TOKENS,
      // Gemma 3 overflows half precision (the answer is NaN, the error a token id of -1), all the more on an adapter
      // that has to emulate it.
      forceF32: !adapter.features.includes('shader-f16'),
      ...GREEDY,
    }).catch((error: unknown) => {
      throw source.problem() ?? error;
    });
    this.maxNewTokens = card.max_new_tokens ?? DEFAULT_MAX_NEW_TOKENS;
    return {
      engine: 'mediapipe',
      model: options.model,
      file,
      bytes: source.bytes,
      dtype: card.task_name?.replace('litert_', '') ?? 'int8',
      device: 'webgpu',
      fallback_reason: null,
      adapter,
      cross_origin_isolated: self.crossOriginIsolated,
      threads: 1,
      measured: {},
      load_seconds: (performance.now() - started) / 1000,
      kept: source.kept(),
      from_store: source.fromStore,
      runtime_version: dependencies['@mediapipe/tasks-genai'],
      choice: null,
    };
  }

  async answer(text: string, options: AnswerOptions, onUpdate?: OnUpdate): Promise<Answer[]> {
    wantedGrammar(undefined, options.grammar); // MediaPipe does not tell its logits
    const answers: Answer[] = [];
    let tries = 0;
    while (answers.length < options.candidates && tries < options.candidates * TRIES) {
      await this.use(answers.length === 0 ? GREEDY : { ...SAMPLING, randomSeed: ++tries + 1 });
      const index = answers.length;
      const answer = await this.generate(text, (raw) => onUpdate?.({ index, raw, answer: null }));
      if (answers.some((earlier) => earlier.raw === answer.raw)) continue; // sampled the same once more
      answers.push(answer);
      onUpdate?.({ index, raw: answer.raw, answer });
    }
    return answers;
  }

  private async use(sampling: object): Promise<void> {
    await this.running;
    if (sampling !== this.sampling) await this.llm.setOptions(sampling);
    this.sampling = sampling;
  }

  private async generate(text: string, onPart: (raw: string) => void): Promise<Answer> {
    const started = performance.now();
    const times: number[] = [];
    let raw = '';
    let cut = false;
    // The bundle's metadata has the start token, which MediaPipe puts before every prompt: a <bos> here would be a second.
    const prompt = asked(text).slice(BOS.length);
    const full = new Promise<void>((resolve) => {
      this.running = this.llm.generateResponse(prompt, (part) => {
        if (cut) return;
        raw += part;
        if (part) times.push(performance.now());
        onPart(raw);
        if (times.length < this.maxNewTokens) return;
        // A .task model cannot be told to stop: it goes on to its own limit, and only the next answer waits for that.
        cut = true;
        resolve();
      });
    });
    await Promise.race([full, this.running]);
    const [first, last] = [times[0], times.at(-1)];
    const seconds = first !== undefined && last !== undefined ? (last - first) / 1000 : 0;
    return {
      raw,
      tokens: [], // MediaPipe does not tell them
      stopped: !cut,
      seconds: (performance.now() - started) / 1000,
      ttft_ms: first === undefined ? null : first - started,
      tokens_per_s: seconds > 0 ? (times.length - 1) / seconds : null,
    };
  }

  async close(): Promise<void> {
    this.llm?.close();
  }
}
