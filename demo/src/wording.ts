// What the page says about sizes, devices, answers and failures. Pure functions, so that they can be tested.
import { isCompliant } from './emoji';
import type { Answer, EngineName, Info } from './engine';

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

const ENGINES: Record<EngineName, string> = {
  pocketmoji: 'Own engine',
  'transformers.js': 'Transformers.js',
  mediapipe: 'MediaPipe',
};

/** "Transformers.js · WebGPU (swiftshader, software)" */
export function badge(info: Info): string {
  const engine = ENGINES[info.engine];
  if (info.device === 'wasm') return `${engine} · WASM`;
  const gpu = [info.adapter?.architecture || info.adapter?.vendor, info.adapter?.is_fallback ? 'software' : '']
    .filter(Boolean)
    .join(', ');
  return `${engine} · WebGPU${gpu ? ` (${gpu})` : ''}`;
}

/** Why an answer is not one to be proud of; null if it is emoji and nothing else. */
export function fault(answer: Answer): string | null {
  if (answer.raw === '') return 'The model said nothing.';
  if (!isCompliant(answer.raw)) return 'Not only emoji. Shown as the model said it.';
  if (!answer.stopped) return `Cut off: the model did not stop by itself.`;
  return null;
}

export function timing(answer: Answer): string {
  const parts = [];
  if (answer.ttft_ms !== null) parts.push(`first token after ${(answer.ttft_ms / 1000).toFixed(2)} s`);
  if (answer.tokens_per_s !== null) parts.push(`${answer.tokens_per_s.toFixed(1)} tokens/s`);
  return parts.join(' · ');
}

/** What a person should know although everything works. */
export function notices(info: Info): string[] {
  const found = [];
  if (info.fallback_reason) {
    const slower = info.engine === 'pocketmoji' ? 'the processor' : 'WASM, which is slower';
    found.push(`Running on ${slower}: ${info.fallback_reason}.`);
  }
  if (info.kept === 'storage full') {
    found.push("This browser's storage is full: the model works, but will be downloaded again next time. Free some space to keep it.");
  }
  return found;
}

interface Explanation {
  title: string;
  help: string;
  offerWasm: boolean;
}

// The first that fits. The wordings are those of this project's own errors, of ONNX Runtime and of browsers.
const EXPLANATIONS: [RegExp, string, string][] = [
  [
    /no WebGPU adapter/,
    'No WebGPU here',
    'This browser has no WebGPU, or it is switched off. Chrome, Edge and Safari 26 have it; WASM works everywhere, slower.',
  ],
  [/^\?/, 'The address has a mistake', ''],
  [/broke off/, 'The connection broke', 'What has come so far is kept. Trying again goes on where it stopped.'],
  [/cannot be reached|Failed to fetch|NetworkError/, 'No connection', 'The server cannot be reached, and the model is not kept on this device yet. Once it is, this page works offline.'],
  [/is not there|Unable to load/, 'The model is not there', 'A file of the model is missing on the server. Is the folder right, and did the export finish?'],
  [/storage|quota/i, "This browser's storage is full", 'Free some space, or leave private browsing, and try again.'],
  [/memory|allocat|RangeError/i, 'Not enough memory', 'Close other tabs and try again; on a phone, a smaller model may be what fits.'],
  [/computes nonsense/, 'The model computes nonsense', 'Its numbers are not numbers on this device. Another device, or a model that was exported again, may help.'],
  [/does not load/, 'The model file cannot be read', 'The file is damaged, incomplete or not a model that this engine knows. Exporting or downloading it again may help.'],
  [/worker stopped/, 'The model stopped', 'Its part of the page crashed, most often for want of memory. Trying again starts it anew.'],
];

/** A failure in words that help: what happened and what can be done. */
export function explain(error: string): Explanation {
  for (const [pattern, title, help] of EXPLANATIONS) {
    if (pattern.test(error)) return { title, help: help || error, offerWasm: title === 'No WebGPU here' };
  }
  return { title: 'That did not work', help: 'Trying again may help. The details say what happened.', offerWasm: false };
}
