// What the page says about sizes, devices, answers and failures. Pure functions, so that they can be tested.
import { isCompliant } from './emoji';
import type { Answer, Info } from './engine';

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/** "Transformers.js · WebGPU (swiftshader, software)" */
export function badge(info: Info): string {
  const engine = info.engine === 'mediapipe' ? 'MediaPipe' : 'Transformers.js';
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

/** A failure in words that help: what happened and what can be done. */
export function explain(error: string): { title: string; help: string; offerWasm: boolean } {
  if (error.includes('no WebGPU adapter')) {
    const help = 'This browser has no WebGPU, or it is switched off. Chrome, Edge and Safari 26 have it; WASM works everywhere, slower.';
    return { title: 'No WebGPU here', help, offerWasm: true };
  }
  if (error.includes('is not there') || error.includes('Unable to load')) {
    const help = 'A file of the model is missing on the server. Is the folder right, and did the export finish?';
    return { title: 'The model is not there', help, offerWasm: false };
  }
  if (error.includes('does not load')) {
    const help = 'The file is damaged, incomplete or not a model that this engine knows. Exporting or downloading it again may help.';
    return { title: 'The model file cannot be read', help, offerWasm: false };
  }
  if (/memory|allocat/i.test(error)) {
    return { title: 'Not enough memory', help: 'Close other tabs and try again.', offerWasm: false };
  }
  if (error.startsWith('?')) {
    return { title: 'The address has a mistake', help: error, offerWasm: false };
  }
  return { title: 'That did not work', help: 'Trying again may help. The details say what happened.', offerWasm: false };
}
