// The list as memory: its phrase that is nearest to a text, and where that one's emoji stand among a model's answers. The
// same as core/text/memory.py, which says why so and where the thresholds come from; tests/demo holds the two together.
import type { Answer, ModelCard, OnUpdate } from './engine';
import { readNamed } from './named_file';
import { plain } from './plain';

export interface MemoryFile {
  texts: string[];
  emoji: string[];
}

export interface Recalled {
  text: string;
  emoji: string;
  /** 1 is the same words. */
  similarity: number;
}

const FIRST = 0.55;
const SECOND = 0.35;
const SIZES = [2, 3, 4];
const DIGITS = 9;

/** The character n-grams of each word of the plain text, a space at each end included; characters are code points. */
export function ngrams(text: string): string[] {
  const found: string[] = [];
  for (const word of plain(text).split(' ')) {
    if (!word) continue;
    const characters = [' ', ...word, ' '];
    for (const size of SIZES) {
      for (let at = 0; at + size <= characters.length; at++) found.push(characters.slice(at, at + size).join(''));
    }
  }
  return found;
}

export class Memory {
  private weight = new Map<string, number>();
  /** By n-gram the rows that have it, and what it weighs in each. */
  private containing = new Map<string, { rows: number[]; values: number[] }>();

  constructor(private file: MemoryFile) {
    const { texts, emoji } = file;
    if (!Array.isArray(texts) || texts.length !== emoji?.length) throw new Error('the memory does not load: it has other texts than emoji');
    const counts = texts.map((text) => count(ngrams(text)));
    const frequency = new Map<string, number>();
    for (const grams of counts) for (const gram of grams.keys()) frequency.set(gram, (frequency.get(gram) ?? 0) + 1);
    for (const [gram, df] of frequency) this.weight.set(gram, 1 + Math.log((1 + counts.length) / (1 + df)));
    counts.forEach((grams, row) => {
      for (const [gram, value] of this.vector(grams)) {
        let found = this.containing.get(gram);
        if (!found) this.containing.set(gram, (found = { rows: [], values: [] }));
        found.rows.push(row);
        found.values.push(value);
      }
    });
  }

  /** The nearest row, of equally near ones the first; undefined if nothing in the list is like the text at all. */
  recall(text: string): Recalled | undefined {
    const near = new Float64Array(this.file.texts.length);
    for (const [gram, value] of this.vector(count(ngrams(text)))) {
      const { rows, values } = this.containing.get(gram)!;
      for (let at = 0; at < rows.length; at++) near[rows[at]!]! += value * values[at]!;
    }
    const most = near.reduce((a, b) => Math.max(a, b), 0);
    if (most === 0) return undefined;
    const similarity = rounded(most);
    const row = near.findIndex((value) => value > most - 1e-8 && rounded(value) === similarity);
    return { text: this.file.texts[row]!, emoji: this.file.emoji[row]!, similarity };
  }

  /** The weights of a text's known n-grams, of length 1. */
  private vector(grams: Map<string, number>): Map<string, number> {
    const found = new Map<string, number>();
    let squares = 0;
    for (const [gram, n] of grams) {
      const weight = this.weight.get(gram);
      if (weight === undefined) continue;
      const value = (1 + Math.log(n)) * weight;
      found.set(gram, value);
      squares += value * value;
    }
    for (const [gram, value] of found) found.set(gram, value / Math.sqrt(squares));
    return found;
  }
}

function count(grams: string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const gram of grams) found.set(gram, (found.get(gram) ?? 0) + 1);
  return found;
}

/** Of the exact decimal value, as Python's round(). */
const rounded = (value: number) => Number(value.toFixed(DIGITS));

/** A missing U+FE0F is no difference. */
const isSame = (emoji: string, other: string) => emoji.replaceAll('\ufe0f', '') === other.replaceAll('\ufe0f', '');

/** Before the greedy answer, or after it. */
const placeOf = ({ similarity }: Recalled) => (similarity >= FIRST ? 0 : 1);

/** At most `count` answers: what is recalled before a model's from FIRST on, second from SECOND on unless the greedy
 * answer is the same, and not at all below. The same emoji are said once. */
export function merge(said: Answer[], recalled: Recalled | undefined, count: number): Answer[] {
  if (!recalled || recalled.similarity < SECOND) return said.slice(0, count);
  const place = placeOf(recalled);
  if (place && said[0] && isSame(said[0].raw, recalled.emoji)) return said.slice(0, count);
  const others = said.filter(({ raw }) => !isSame(raw, recalled.emoji));
  others.splice(place, 0, asAnswer(recalled));
  return others.slice(0, count);
}

function asAnswer({ text, emoji }: Recalled): Answer {
  return { raw: emoji, tokens: [], stopped: true, seconds: 0, ttft_ms: null, tokens_per_s: null, from_memory: text };
}

/** Asks a model, and puts what is recalled where it belongs; `onUpdate` hears of each at the place where it will stand. */
export async function answerWithMemory(
  recalled: Recalled | undefined,
  count: number,
  ask: (onUpdate: OnUpdate) => Promise<Answer[]>,
  onUpdate: OnUpdate,
): Promise<Answer[]> {
  if (!recalled || recalled.similarity < SECOND) return ask(onUpdate);
  const place = placeOf(recalled);
  const tell = () => place < count && onUpdate({ index: place, raw: recalled.emoji, answer: asAnswer(recalled) });
  if (place === 0) tell();
  const said = await ask((update) => {
    // What turns out to be the same emoji is taken out at the end.
    const index = update.index < place ? update.index : update.index + 1;
    if (index < count) onUpdate({ ...update, index });
    const greedy = update.index === 0 ? update.answer : null;
    if (place && greedy && !isSame(greedy.raw, recalled.emoji)) tell();
  });
  return merge(said, recalled, count);
}

/** The memory that a model's card names; undefined where it names none. One of another export is an error. */
export async function readMemory(model: string, card: ModelCard): Promise<Memory | undefined> {
  const file = await readNamed<MemoryFile>(model, card, 'memory');
  return file && new Memory(file);
}
