// Text to tokens and back, without an inference runtime: the tokenizer that Transformers.js uses, by itself.
import { Tokenizer } from '@huggingface/tokenizers';
import type { ModelCard } from './engine';
import { fetchFile, inFolder, modelFile } from './model';
import { asked } from './prompt';

export interface Tokens {
  /** The prompt for a text. */
  prompt(text: string): number[];
  spell(tokens: number[]): string;
}

/** The tokenizer of a model's folder. */
export async function loadTokens(model: string, card: ModelCard): Promise<Tokens> {
  const files = ['tokenizer.json', 'tokenizer_config.json'];
  const [tokenizer, settings] = await Promise.all(files.map((file) => readJson(model, file, card)));
  return tokensOf(new Tokenizer(tokenizer!, settings!));
}

export function tokensOf(tokenizer: Tokenizer): Tokens {
  return {
    prompt: (text) => tokenizer.encode(asked(text), { add_special_tokens: false }).ids,
    spell: (tokens) => tokenizer.decode(tokens, { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
  };
}

async function readJson(model: string, file: string, card: ModelCard): Promise<object> {
  const response = await fetchFile(modelFile(model, file), inFolder(model, card), { cache: 'no-cache' });
  if (!response.ok) throw new Error(`models/${model}/${file} is not there: the server answered ${response.status}`);
  try {
    return (await response.json()) as object;
  } catch {
    throw new Error(`models/${model}/${file} is not there: the server answered with something that is not JSON`);
  }
}

/** What two prompts, and with them all, have in common. */
export function commonBeginning(one: number[], other: number[]): number[] {
  const parts = one.findIndex((token, i) => token !== other[i]);
  return one.slice(0, parts < 0 ? one.length - 1 : parts);
}
