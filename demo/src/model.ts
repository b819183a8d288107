// Where the files of a model and of the runtimes are, and what their pocketmoji.json says of them.
import { openModelFile, type ModelFile, type OnProgress, type Piece } from './download';
import type { FileFacts, ModelCard } from './engine';

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
  return readFacts(modelFile(model, 'pocketmoji.json'), `models/${model}/pocketmoji.json`);
}

async function readFacts<T extends FileFacts>(address: string, name: string): Promise<T> {
  const response = await fetchFile(address, {}, { cache: 'no-cache' });
  if (response.status === 404) return {} as T;
  if (!response.ok) throw new Error(`${name}: the server answered ${response.status}`);
  try {
    return (await response.json()) as T;
  } catch {
    throw new Error(`${name} is not there: the server answered with something that is not JSON`);
  }
}

/** A model's large file as a stream: in one piece, or in the parts that the host takes. */
export function openFile(model: string, file: string, card: ModelCard, keep: boolean, onProgress: OnProgress): Promise<ModelFile> {
  const pieces = piecesOf(modelFile(model, file), file, card);
  return openModelFile(pieces, `models/${model}/${file}`, keep, onProgress);
}

function piecesOf(address: string, file: string, facts: FileFacts): Piece[] {
  const parts = facts.parts?.[file];
  if (parts) return parts.map(({ file, ...piece }) => ({ address: new URL(file, address).href, ...piece }));
  return [{ address, bytes: facts.bytes?.[file], sha256: facts.sha256?.[file] }];
}

/** A small file, whole, whichever way the host has it. A page that a host sends in place of a missing file is a 404. */
export async function fetchFile(address: string, facts: FileFacts & { of?: string }, init?: RequestInit): Promise<Response> {
  const file = facts.of && address.startsWith(facts.of) ? address.slice(facts.of.length) : '';
  if (facts.parts?.[file]) {
    const joined = await openModelFile(piecesOf(address, file, facts), file, false, () => undefined);
    return new Response(joined.stream as BodyInit, { headers: { 'content-length': String(joined.bytes) } });
  }
  const response = await fetch(address, init);
  if (!response.ok || !response.headers.get('content-type')?.startsWith('text/html')) return response;
  const beginning = (await response.clone().text()).trimStart().slice(0, 1);
  return beginning === '<' ? new Response(null, { status: 404 }) : response; // a host may call anything text/html
}

/** What `fetchFile` must know of the files in a model's folder. */
export const inFolder = (model: string, card: ModelCard) => ({ ...card, of: modelFile(model, '') });

/** Where a WebAssembly file of a runtime can be had in one piece. */
export async function runtimeBinary(name: string): Promise<string> {
  const facts = await readFacts<FileFacts>(runtimeFile('pocketmoji.json'), 'runtime/pocketmoji.json');
  if (!facts.parts?.[name]) return runtimeFile(name);
  const response = await fetchFile(runtimeFile(name), { ...facts, of: runtimeFile('') });
  return URL.createObjectURL(new Blob([await response.arrayBuffer()], { type: 'application/wasm' }));
}

/** Where a runtime's module can be imported from: hosts that do not know .mjs call it something else, which a browser refuses. */
export async function runtimeModule(name: string): Promise<string> {
  const response = await fetch(runtimeFile(name));
  if (!response.ok) throw new Error(`runtime/${name} is not there: the server answered ${response.status}`);
  const type = response.headers.get('content-type') ?? '';
  if (/(java|ecma)script/.test(type)) return runtimeFile(name);
  const text = await response.text();
  if (text.trimStart().startsWith('<')) throw new Error(`runtime/${name} is not there: the server answered with a web page`);
  return URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
}

/** The stop tokens of a folder whose pocketmoji.json does not name them. */
export async function readStopTokens(model: string, card: ModelCard): Promise<number[]> {
  const response = await fetchFile(modelFile(model, 'generation_config.json'), inFolder(model, card), { cache: 'no-cache' });
  if (!response.ok) return [];
  const { eos_token_id } = (await response.json()) as { eos_token_id?: number | number[] };
  return [eos_token_id ?? []].flat();
}
