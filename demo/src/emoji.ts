// What an emoji is, as in core/text/emoji.py: a sequence of Unicode's list, longest match first. Here the list is the
// browser's own (\p{RGI_Emoji}), so a browser older than an emoji does not know it.
const VARIATION_SELECTOR = '\ufe0f';
const LONGEST = 10; // code points of the longest RGI sequences (families and couples with skin tones)
const ELEMENT =
  '(?:(?!\\p{Regional_Indicator})(?:\\p{Emoji_Modifier_Base}\\p{Emoji_Modifier}|\\p{Emoji_Presentation}|(?![0-9#*])\\p{Emoji}\\uFE0F))';
/** How Unicode's sequences are formed: which of them are on its list, it does not know. */
export const FORM = new RegExp(
  `^(?:\\p{Regional_Indicator}{2}|[0-9#*]\\uFE0F\\u20E3|\\u{1F3F4}[\\u{E0030}-\\u{E0039}\\u{E0061}-\\u{E007A}]+\\u{E007F}|${ELEMENT}(?:\\u200D${ELEMENT})*)$`,
  'u',
);
/** One emoji of Unicode's list, or a skin tone alone. */
export const RGI = listed();
const TEXT_BY_DEFAULT = /^(?=\p{Emoji})\P{Emoji_Presentation}$/u;
const MODIFIER = /^\p{Emoji_Modifier}$/u;

/** Browsers before 2023 know no flag `v`, and a literal with it is a syntax error to them: they judge by the form. */
function listed(): RegExp {
  try {
    return new RegExp('^\\p{RGI_Emoji}$', 'v');
  } catch {
    return FORM;
  }
}

/** True for one emoji in its full form or in one that lacks U+FE0F ("unqualified"), which is as valid. */
function isEmoji(points: string[]): boolean {
  const text = points.join('');
  if (MODIFIER.test(text)) return false; // RGI_Emoji lists lone skin tones; they are components, not emoji
  if (RGI.test(text)) return true;
  const full: string[] = [];
  const bare = points.filter((point) => point !== VARIATION_SELECTOR);
  bare.forEach((point, i) => {
    full.push(point);
    if (TEXT_BY_DEFAULT.test(point) && !MODIFIER.test(bare[i + 1] ?? '')) full.push(VARIATION_SELECTOR);
  });
  return RGI.test(full.join('')) && isPartOf(points, full);
}

/** True if `part` is `full` with nothing but some U+FE0F left out. */
function isPartOf(part: string[], full: string[]): boolean {
  let at = 0;
  for (const point of full) {
    if (part[at] === point) at++;
    else if (point !== VARIATION_SELECTOR) return false;
  }
  return at === part.length;
}

/** The emoji that `text` consists of, or null if anything else is in it (spaces included) or it is empty. */
export function splitEmoji(text: string): string[] | null {
  const points = [...text];
  const found: string[] = [];
  for (let start = 0; start < points.length; ) {
    let end = Math.min(points.length, start + LONGEST);
    while (end > start && !isEmoji(points.slice(start, end))) end--;
    if (end === start) return null;
    found.push(points.slice(start, end).join(''));
    start = end;
  }
  return found.length > 0 ? found : null;
}

/** True if `raw` is one or more emoji and nothing else. */
export function isCompliant(raw: string): boolean {
  return splitEmoji(raw) !== null;
}
