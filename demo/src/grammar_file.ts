// The grammar in a model's folder, and whether an answer is chosen with it.
import type { ModelCard } from './engine';
import { Grammar, type GrammarFile } from './grammar';
import { readNamed } from './named_file';

/** The grammar that a model's card names; undefined where it names none. One of another export is an error. */
export async function readGrammar(model: string, card: ModelCard): Promise<Grammar | undefined> {
  const file = await readNamed<GrammarFile>(model, card, 'grammar');
  return file && new Grammar(file);
}

/** The grammar for one answer: where nothing is said, whatever there is. */
export function wantedGrammar(grammar: Grammar | undefined, wanted: boolean | undefined): Grammar | undefined {
  if (wanted && !grammar) throw new Error('a grammar was asked for, and the model has none, or this engine can use none');
  return wanted === false ? undefined : grammar;
}
