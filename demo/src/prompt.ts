// The one prompt of pocketmoji, rendered exactly as core/text/prompt.py does; golden_prompts.json holds both together.
export const BOS = '<bos>';
const SYSTEM = 'Translate this text to emoji: ';

// JavaScript's trim() and Python's strip() differ: strip() also takes U+001C..U+001F and U+0085, trim() also U+FEFF.
const SPACE = '[\\t-\\r\\u001c-\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+';
const ENDS = new RegExp(`^${SPACE}|${SPACE}$`, 'gu');

/** The prompt for `text`, from <bos> to where the answer begins. Tokenise it without adding special tokens. */
export function render(text: string): string {
  const user = `${SYSTEM}\n\n${text.replace(ENDS, '')}`;
  return `${BOS}<start_of_turn>user\n${user}<end_of_turn>\n<start_of_turn>model\n`;
}
