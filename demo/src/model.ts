// Where a model's files are, and what its pocketmoji.json says of them.
import type { ModelCard } from './engine';

/** The page's own folder; the worker is told it, because its own address is another. */
let root = '';
export function setRoot(address: string): void {
  root = address;
}

export function runtimeFile(name: string): string {
  return new URL(`runtime/${name}`, root).href;
}

/** As a path: Transformers.js takes a full address for a remote one. */
export function modelsFolder(): string {
  return new URL('models/', root).pathname;
}

export function modelFile(model: string, file: string): string {
  return new URL(`models/${model}/${file}`, root).href;
}

// The file names that Transformers.js expects for a dtype.
const SUFFIX: Record<string, string> = { fp32: '', q8: '_quantized' };

export function onnxFile(dtype: string): string {
  return `onnx/model${SUFFIX[dtype] ?? `_${dtype}`}.onnx`;
}

/** pocketmoji.json, or {} where a folder has none (any model in the layout of Transformers.js is welcome). */
export async function readCard(model: string): Promise<ModelCard> {
  const response = await fetch(modelFile(model, 'pocketmoji.json'), { cache: 'no-cache' });
  if (response.status === 404) return {};
  if (!response.ok) throw new Error(`models/${model}/pocketmoji.json: the server answered ${response.status}`);
  try {
    return (await response.json()) as ModelCard;
  } catch {
    throw new Error(`models/${model}/pocketmoji.json is not there: the server answered with something that is not JSON`);
  }
}

/** The stop tokens of a folder whose pocketmoji.json does not name them. */
export async function readStopTokens(model: string): Promise<number[]> {
  const response = await fetch(modelFile(model, 'generation_config.json'), { cache: 'no-cache' });
  if (!response.ok) return [];
  const { eos_token_id } = (await response.json()) as { eos_token_id?: number | number[] };
  return [eos_token_id ?? []].flat();
}
