// The one interface behind which an inference runtime stands, and the plain data that crosses the worker's border.

export type EngineName = 'transformers.js' | 'mediapipe';
export type Device = 'webgpu' | 'wasm';

export interface LoadOptions {
  /** Folder of the model beside the page: models/<model>/ */
  model: string;
  engine: EngineName;
  /** A device that was asked for is used or the load fails; only without one may WASM stand in for WebGPU. */
  device?: Device;
  /** Which ONNX file: "q4", "q8", ...; without one, what pocketmoji.json says is shipped. */
  dtype?: string;
  threads?: number;
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
  load_seconds: number;
  runtime_version: string;
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
}

export interface AnswerOptions {
  /** How many distinct answers; the first is greedy. A model that has no more to say gives fewer. */
  candidates: number;
}

export interface Download {
  loaded: number;
  total: number;
  file: string;
}

export interface Engine {
  load(options: LoadOptions, onProgress: (download: Download) => void): Promise<Info>;
  /** The answers, each also handed to `onAnswer` as soon as it is there. */
  answer(text: string, options: AnswerOptions, onAnswer?: (answer: Answer) => void): Promise<Answer[]>;
  close(): Promise<void>;
}

/** What pocketmoji.json in a model's folder says; written by the export. */
export interface ModelCard {
  name?: string;
  dtype?: string;
  onnx_file?: string;
  task_file?: string | null;
  stop_token_ids?: number[];
  max_new_tokens?: number;
}
