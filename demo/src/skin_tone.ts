// The skin tone that a person prefers, put on what the model said. The raw answer stays what is judged.
import { RGI, splitEmoji } from './emoji';

export const TONES = ['', '\u{1F3FB}', '\u{1F3FC}', '\u{1F3FD}', '\u{1F3FE}', '\u{1F3FF}'];
const BASE = /^\p{Emoji_Modifier_Base}$/u;
const MODIFIER = /^\p{Emoji_Modifier}$/u;

/** `raw` with every person and hand in `tone`; as it is if there is no tone, or `raw` is not all emoji. */
export function withTone(raw: string, tone: string): string {
  const emoji = tone ? splitEmoji(raw) : null;
  return emoji ? emoji.map((one) => toned(one, tone)).join('') : raw;
}

function toned(emoji: string, tone: string): string {
  const points = [...emoji].filter((point) => !MODIFIER.test(point));
  const changed: string[] = [];
  points.forEach((point, i) => {
    if (point === '\ufe0f' && BASE.test(points[i - 1] ?? '')) return; // the tone stands in its place
    changed.push(point);
    if (BASE.test(point)) changed.push(tone);
  });
  const result = changed.join('');
  return RGI.test(result) ? result : emoji;
}
