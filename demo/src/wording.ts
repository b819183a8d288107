// What the page says about sizes, devices, answers and failures. Pure functions, so that they can be tested.
import { isCompliant } from './emoji';
import type { Answer, EngineName, Info } from './engine';

const TOO_OLD = 'Chrome or Edge 98, Firefox 114, Safari 16.4 or newer can run it.';

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/**
 * "1.2 MB of 80 MB". Nothing while what has come would read as 0.0 MB; what has come alone where nobody knows the whole
 * size (0).
 */
export function progress(loaded: number, total: number): string {
  if (loaded < 5e4) return '';
  return total > 0 ? `${megabytes(loaded)} of ${megabytes(total)}` : megabytes(loaded);
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

/** What a person should know although everything works. `keepsSettings`: this browser keeps the tone and the history. */
export function notices(info: Info, keepsSettings = true): string[] {
  const found = [];
  if (info.fallback_reason) {
    const slower = info.engine === 'pocketmoji' ? 'the processor' : 'WASM, which is slower';
    found.push(`Running on ${slower}: ${info.fallback_reason}.`);
  }
  if (info.kept === 'storage full') {
    found.push("This browser's storage is full: the model works, but will be downloaded again next time. Free some space to keep it.");
  }
  const lost = [
    ...(info.kept === 'storage forbidden' ? ['the model, which is downloaded again at every visit'] : []),
    ...(keepsSettings ? [] : ['skin tone and history, which last for this visit']),
  ];
  if (lost.length > 0) found.push(`This browser does not let the page keep ${lost.join('; nor ')}.`);
  return found;
}

interface Explanation {
  title: string;
  help: string;
  offerWasm: boolean;
  /** Whether the same may work in a while. */
  retry: boolean;
}

const AGAIN = true;
const NEVER = false;

// The first that fits. The wordings are those of this project's own errors, of ONNX Runtime and of browsers.
const EXPLANATIONS: [RegExp, string, string, boolean][] = [
  [
    /no WebGPU adapter/,
    'No WebGPU here',
    'This browser has no WebGPU that works, or it is switched off. Chrome, Edge and Safari 26 have it; WASM works everywhere, slower.',
    NEVER,
  ],
  [/GPU was lost/, 'The GPU stopped', 'Its driver or the browser took it away. WASM works without it, slower.', AGAIN],
  [/^\?/, 'The address has a mistake', '', NEVER],
  [/broke off/, 'The connection broke', 'What has come so far is kept, if this browser keeps anything. Trying again goes on where it stopped.', AGAIN],
  [/worker stopped: .*(SyntaxError|import statement|import declarations|Unexpected token)/, 'This browser is too old for the page', TOO_OLD, NEVER],
  [/cannot be reached|Failed to fetch|NetworkError|dynamically imported/, 'No connection', 'The server cannot be reached, and not all that the page needs is kept on this device yet. Once it is, this page works offline.', AGAIN],
  [/Git LFS/, 'The model is not there', 'The host serves the pointers of Git LFS in place of the files. Build the site for this host: pocketmoji demo --build DIR --host NAME.', NEVER],
  [/is not there|Unable to load|was not found/, 'The model is not there', 'A file is missing on the server. Is the folder right, did the export finish, and was every file put on the host?', NEVER],
  [/quota|storage (is )?full/i, "This browser's storage is full", 'Free some space, or leave private browsing, and try again.', AGAIN],
  [/memory|allocat|RangeError/i, 'Not enough memory', 'Close other tabs and try again; on a phone, a smaller model may be what fits.', AGAIN],
  [/computes nonsense/, 'The model computes nonsense', 'Its numbers are not numbers on this device. Another device, or a model that was exported again, may help.', NEVER],
  [/does not load/, 'The model file cannot be read', 'The file is damaged, incomplete or not a model that this engine knows. Exporting it or putting it on the host again may help.', NEVER],
  [/worker stopped/, 'The model stopped', 'Its part of the page crashed, most often for want of memory. Trying again starts it anew.', AGAIN],
];

/** A failure in words that help: what happened and what can be done. */
export function explain(error: string): Explanation {
  for (const [pattern, title, help, retry] of EXPLANATIONS) {
    if (pattern.test(error)) return { title, help: help || error, offerWasm: /No WebGPU|GPU stopped/.test(title), retry };
  }
  return { title: 'That did not work', help: 'The details say what happened.', offerWasm: false, retry: AGAIN };
}
