// The grammar in a model's folder, and whether an answer is chosen with it.
import type { ModelCard } from './engine';
import { Grammar, type GrammarFile } from './grammar';
import { fetchFile, inFolder, modelFile } from './model';

/** The grammar that a model's card names; undefined where it names none. One of another export is an error. */
export async function readGrammar(model: string, card: ModelCard): Promise<Grammar | undefined> {
  if (!card.grammar) return undefined;
  const { file, sha256 } = card.grammar;
  const name = `models/${model}/${file}`;
  const response = await fetchFile(modelFile(model, file), inFolder(model, card), { cache: 'no-cache' });
  if (!response.ok) throw new Error(`${name} is not there: the server answered ${response.status}`);
  const data = await response.arrayBuffer();
  if (crypto.subtle && (await digest(data)) !== sha256) { // pages without https have no digests
    throw new Error(`${name} does not load: it is not the file that was exported`);
  }
  return new Grammar(JSON.parse(new TextDecoder().decode(data)) as GrammarFile);
}

/** The grammar for one answer: where nothing is said, whatever there is. */
export function wantedGrammar(grammar: Grammar | undefined, wanted: boolean | undefined): Grammar | undefined {
  if (wanted && !grammar) throw new Error('a grammar was asked for, and the model has none, or this engine can use none');
  return wanted === false ? undefined : grammar;
}

async function digest(data: ArrayBuffer): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
