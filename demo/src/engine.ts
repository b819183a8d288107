// The one interface behind which an inference runtime stands, and the plain data that crosses the worker's border.

/** `pocketmoji`: the page's own. */
export type EngineName = 'pocketmoji' | 'transformers.js' | 'mediapipe';
export type Device = 'webgpu' | 'wasm';

export type Kept = 'kept' | 'not asked' | 'storage full' | 'storage forbidden';

export interface LoadOptions {
  /** Folder of the model beside the page: models/<model>/ */
  model: string;
  /** An engine that was asked for is used or the load fails; without one the fastest is that answers right. */
  engine?: EngineName;
  /** A device that was asked for is used or the load fails; only without one may WASM stand in for WebGPU. */
  device?: Device;
  /** Which ONNX file: "q4", "q8", ...; without one, what pocketmoji.json says is shipped. */
  dtype?: string;
  threads?: number;
  /** Keep the model file in this browser's storage, to resume its download and to answer offline. */
  keep?: boolean;
  /** What an earlier visit found to be the fastest. */
  remembered?: Choice | null;
}

/** Which engine was the fastest that answers right, on this device, of this build of the page, for this file. */
export interface Choice {
  of: string;
  engine: EngineName;
  device: Device;
  threads: number;
}

export interface Adapter {
  vendor: string;
  architecture: string;
  description: string;
  /** True for a software adapter. */
  is_fallback: boolean;
  features: string[];
  limits: Record<string, number>;
}

/** What was loaded, where it runs, and what this browser has. */
export interface Info {
  engine: EngineName;
  model: string;
  /** The model file that was loaded, relative to the model's folder, and its size. */
  file: string;
  bytes: number;
  dtype: string;
  device: Device;
  /** Why the device is not the one that a GPU would allow; null where nothing fell back. */
  fallback_reason: string | null;
  /** The WebGPU adapter, also where it is not used; null if the browser gives none. */
  adapter: Adapter | null;
  cross_origin_isolated: boolean;
  threads: number;
  /** Milliseconds of a token with each way to compute that was tried: "webgpu", "wasm, 2 threads". */
  measured: Record<string, number>;
  load_seconds: number;
  /** Whether the model file is kept for the next visit, and whether it came from there. */
  kept: Kept;
  from_store: boolean;
  runtime_version: string;
  /** What the next visit may rely on; null where nothing was measured. */
  choice: Choice | null;
}

export interface Answer {
  /** Everything that the model said before its stop token, special tokens included, nothing cleaned. */
  raw: string;
  /** Generated token ids, the stop token included; empty where the runtime does not tell (MediaPipe). */
  tokens: number[];
  stopped: boolean;
  seconds: number;
  ttft_ms: number | null;
  tokens_per_s: number | null;
  trace?: Trace;
  /** The phrase of the list that it was recalled from; not there where the model said it. */
  from_memory?: string;
  /** What a further token took of the GPU; not there where none was used, or no further token was said. */
  gpu_work?: GpuWork;
}

export interface GpuWork {
  dispatches: number;
  bytes_read: number;
}

/** What the model computed on the way to its greedy answer, to be compared with another runtime's. */
export interface Trace {
  prompt_tokens: number[];
  /** Per generated token the largest logits: [token, logit], largest first. */
  steps: [number, number][][];
  /** Set at the first logits that are not all finite numbers; nothing is generated after them. */
  problem: string | null;
}

export interface AnswerOptions {
  /** How many distinct answers; the first is greedy. A model that has no more to say gives fewer. */
  candidates: number;
  /** So many of the largest logits per token go with the greedy answer. */
  trace?: number;
  /** Only whole emoji can be said. Without it: where the model has a grammar and the engine can. False: raw. */
  grammar?: boolean;
  /** The list may answer, too, where the model has one beside it. Without it: the model alone, which is what is judged. */
  memory?: boolean;
}

/** An answer as it grows: `raw` so far, and the whole `answer` at its end. `index` 0 is the greedy one. */
export interface Update {
  index: number;
  raw: string;
  answer: Answer | null;
}

export type OnUpdate = (update: Update) => void;

export interface Download {
  loaded: number;
  total: number;
  file: string;
}

export interface Engine {
  load(options: LoadOptions, onProgress: (download: Download) => void): Promise<Info>;
  /** The answers; `onUpdate` hears of each token. */
  answer(text: string, options: AnswerOptions, onUpdate?: OnUpdate): Promise<Answer[]>;
  close(): Promise<void>;
}

/** What pocketmoji.json says of the files beside it. */
export interface FileFacts {
  /** Bytes per file, as exported: a file of another size is half a file. */
  bytes?: Record<string, number>;
  sha256?: Record<string, string>;
  /** A file that is larger than its host takes is there in parts, one after the other; addresses as seen from the file. */
  parts?: Record<string, { file: string; bytes: number; sha256: string }[]>;
}

/** What pocketmoji.json in a model's folder says; written by the export. */
export interface ModelCard extends FileFacts {
  name?: string;
  dtype?: string;
  onnx_file?: string;
  task_name?: string | null;
  task_file?: string | null;
  stop_token_ids?: number[];
  max_new_tokens?: number;
  grammar?: { file: string; sha256: string };
  memory?: { file: string; sha256: string };
  /** A trained text and what the exported file answers to it: who answers otherwise computes wrong. */
  probe?: { text: string; tokens: number[] } | null;
}
