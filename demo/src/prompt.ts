// The one prompt of pocketmoji, rendered exactly as core/text/prompt.py does; golden_prompts.json holds both together.
import { plain, SPACE } from './plain';

export const BOS = '<bos>';
const SYSTEM = 'Translate this text to emoji: ';

// JavaScript's trim() takes other characters off.
const ENDS = new RegExp(`^${SPACE.source}|${SPACE.source}$`, 'gu');

/** The prompt for `text` as it stands, from <bos> to where the answer begins. Tokenise it without adding special tokens. */
export function render(text: string): string {
  const user = `${SYSTEM}\n\n${text.replace(ENDS, '')}`;
  return `${BOS}<start_of_turn>user\n${user}<end_of_turn>\n<start_of_turn>model\n`;
}

/** The prompt that the model is asked with, however a person typed `text`. */
export const asked = (text: string): string => render(plain(text));
