// What a text is asked as, however it was typed: the same as core/text/plain.py, which says why.

// What Python's str.split() takes for white space; \s lacks the first five and U+0085, and has U+FEFF.
export const SPACE = /[\x1c-\x1f\x85\t\n\v\f\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;
const HASHTAG = /#([^ #]+)/gu;
const LETTER = /^\p{L}$/u;
const DIGIT = /^\p{Nd}$/u;
const UPPER = /^\p{Uppercase}$/u;
const LOWER = /^\p{Lowercase}$/u;

/** The text in small letters, composed (NFC), with single spaces, hashtags as the words that capitals and digits part in
 * them; one of a single word stays one, and so does "#1". */
export function plain(text: string): string {
  return singleSpaces(singleSpaces(text.normalize('NFC')).replace(HASHTAG, words).toLowerCase().normalize('NFC'));
}

const singleSpaces = (text: string) => text.split(SPACE).filter(Boolean).join(' ');

function words(hashtag: string, tag: string): string {
  const letters = [...tag];
  if (!LETTER.test(letters[0]!)) return hashtag;
  const said = letters.map((letter, at) => (at && parts(letters[at - 1]!, letter, letters[at + 1] ?? '') ? ` ${letter}` : letter)).join('');
  return said.includes(' ') ? ` ${said}` : hashtag;
}

/** Whether a word begins at `letter`: the B of "aB" and of "ABc", the 1 of "a1", the a of "1a". */
function parts(before: string, letter: string, behind: string): boolean {
  if (LETTER.test(before) && LETTER.test(letter)) return UPPER.test(letter) && (LOWER.test(before) || LOWER.test(behind));
  return (LETTER.test(before) && DIGIT.test(letter)) || (DIGIT.test(before) && LETTER.test(letter));
}
