// A small file of a model's folder that its card names with its digest: the grammar, the memory.
import type { ModelCard } from './engine';
import { fetchFile, inFolder, modelFile } from './model';

/** What the JSON file holds; undefined where the card names none. One of another export is an error. */
export async function readNamed<T>(model: string, card: ModelCard, kind: 'grammar' | 'memory'): Promise<T | undefined> {
  const named = card[kind];
  if (!named) return undefined;
  const { file, sha256 } = named;
  const name = `models/${model}/${file}`;
  const response = await fetchFile(modelFile(model, file), inFolder(model, card), { cache: 'no-cache' });
  if (!response.ok) throw new Error(`${name} is not there: the server answered ${response.status}`);
  const data = await response.arrayBuffer();
  if (crypto.subtle && (await digest(data)) !== sha256) { // pages without https have no digests
    throw new Error(`${name} does not load: it is not the file that was exported`);
  }
  return JSON.parse(new TextDecoder().decode(data)) as T;
}

async function digest(data: ArrayBuffer): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
