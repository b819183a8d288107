// The emoji grammar that the export writes (core/text/grammar.py): which tokens may come next, so that an answer is whole
// emoji and nothing else. Knows no engine: it masks a row of logits, given the tokens of the answer so far.

export const GRAMMAR_FILE = 'grammar.json';

export interface GrammarFile {
  version: number;
  stop_token_ids: number[];
  /** Of each state: first byte, last byte, state, and so on. */
  edges: number[][];
  /** The states in which an answer may end. */
  whole: number[];
  /** From each state the tokens to a whole answer, its stop token not counted. */
  distance: number[];
  /** Those that spell a piece of emoji, with their bytes in hexadecimal. */
  tokens: [number, string][];
}

interface Onward {
  token: number;
  state: number;
}

const VERSION = 1;
const START = 0;

export class Grammar {
  private edges: Map<number, number>[];
  private whole: Set<number>;
  private spelt: Map<number, number[]>;
  private onwardOf = new Map<number, Onward[]>();

  constructor(private file: GrammarFile) {
    if (file.version !== VERSION) throw new Error(`${GRAMMAR_FILE} has version ${file.version}, this page reads ${VERSION}`);
    this.edges = file.edges.map(edgesByByte);
    this.whole = new Set(file.whole);
    this.spelt = new Map(file.tokens.map(([token, hex]) => [token, hex.match(/../g)!.map((byte) => parseInt(byte, 16))]));
  }

  /** Tokens of the shortest answer, its stop token included. */
  get fewestTokens(): number {
    return this.file.distance[START]! + 1;
  }

  /** `row` with minus infinity for every token that may not follow `answer`, of `maxNewTokens` in all. */
  mask(row: Float32Array, answer: number[], maxNewTokens: number): Float32Array {
    const masked = new Float32Array(row.length).fill(-Infinity);
    for (const token of this.allowed(answer, maxNewTokens)) masked[token] = row[token]!;
    return masked;
  }

  /** The tokens that may follow `answer`; the stop token is the last of `maxNewTokens`. None if it has ended. */
  allowed(answer: number[], maxNewTokens: number): number[] {
    if (maxNewTokens < this.fewestTokens) {
      throw new Error(`an answer may have ${maxNewTokens} tokens, and an emoji with a stop token takes ${this.fewestTokens}`);
    }
    const state = this.state(answer);
    if (state === null) return [];
    const left = maxNewTokens - answer.length;
    const found = this.onward(state).filter((next) => this.file.distance[next.state]! + 2 <= left);
    return [...found.map(({ token }) => token), ...(this.whole.has(state) ? this.file.stop_token_ids : [])];
  }

  /** How many of the tokens are whole emoji: what comes after them is the beginning of one. */
  wholeTokens(answer: number[]): number {
    let count = answer.length;
    while (count > 0 && !this.whole.has(this.state(answer.slice(0, count)) ?? -1)) count--;
    return count;
  }

  private state(answer: number[]): number | null {
    let state: number | null = START;
    for (const token of answer) {
      const spelt = this.spelt.get(token);
      if (state === null || !spelt) return null;
      state = this.follow(state, spelt);
    }
    return state;
  }

  private follow(state: number, spelt: number[]): number | null {
    for (const byte of spelt) {
      const next = this.edges[state]!.get(byte);
      if (next === undefined) return null;
      state = next;
    }
    return state;
  }

  private onward(state: number): Onward[] {
    let found = this.onwardOf.get(state);
    if (!found) {
      found = [];
      for (const [token, spelt] of this.spelt) {
        const next = this.follow(state, spelt);
        if (next !== null) found.push({ token, state: next });
      }
      this.onwardOf.set(state, found);
    }
    return found;
  }
}

function edgesByByte(ranges: number[]): Map<number, number> {
  const edges = new Map<number, number>();
  for (let i = 0; i < ranges.length; i += 3) {
    for (let byte = ranges[i]!; byte <= ranges[i + 1]!; byte++) edges.set(byte, ranges[i + 2]!);
  }
  return edges;
}
