import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decode, type Decoder } from '../src/decoding';
import type { Update } from '../src/engine';
import { Grammar, type GrammarFile } from '../src/grammar';

// Of two "emoji", a and abc, spelt in the tokens a (1), b (2), bc (3) and c (4); token 0 stops.
const SMALL: GrammarFile = {
  version: 1,
  stop_token_ids: [0],
  edges: [
    [0x61, 0x61, 1],
    [0x61, 0x61, 1, 0x62, 0x62, 2],
    [0x63, 0x63, 3],
    [0x61, 0x61, 1],
  ],
  whole: [1, 3],
  distance: [1, 0, 1, 0],
  tokens: [[1, '61'], [2, '62'], [3, '6263'], [4, '63']],
};

describe('which tokens may come', () => {
  const grammar = new Grammar(SMALL);
  const may = (answer: number[], limit: number) => grammar.allowed(answer, limit).sort();

  test('at the beginning, after a whole one, and within one', () => {
    expect(may([], 9)).toEqual([1]);
    expect(may([1], 9)).toEqual([0, 1, 2, 3]);
    expect(may([1, 2], 9)).toEqual([4]);
    expect(may([1, 2, 4], 9)).toEqual([0, 1]);
    expect(may([1, 0], 9)).toEqual([]);
  });
  test('near the limit only what still ends whole', () => {
    expect(may([1], 2)).toEqual([0]);
    expect(may([1], 3)).toEqual([0, 1, 3]); // not b alone: c and the stop token would be one too many
    expect(() => grammar.allowed([], 1)).toThrow('an answer may have 1 tokens');
  });
  test('a row of logits is masked', () => {
    expect([...grammar.mask(Float32Array.from([5, 1, 2, 3, 4]), [1], 3)]).toEqual([5, 1, -Infinity, 3, -Infinity]);
  });
  test('how much of an answer is whole', () => {
    expect(grammar.wholeTokens([1, 2])).toBe(1);
    expect(grammar.wholeTokens([1, 2, 4])).toBe(3);
  });
  test('a file of another version is refused', () => {
    expect(() => new Grammar({ ...SMALL, version: 2 })).toThrow('version 2');
  });
});

const random = (seed: number) => () => {
  seed = (seed * 1103515245 + 12345) % 2 ** 31;
  return seed / 2 ** 31;
};

/** A model that wants whatever chance says. */
class Random implements Decoder {
  constructor(
    private vocabulary: number,
    readonly spell: (tokens: number[]) => string,
    private chance: () => number,
  ) {}
  async step(rows: number[][]) {
    return { logits: rows.map(() => Float32Array.from({ length: this.vocabulary }, this.chance)), cache: {} };
  }
  async repeat(cache: unknown) {
    return cache;
  }
  async forget() {}
}

test('what grows is whole emoji only, and all candidates are', async () => {
  const spelt = ['', 'a', 'b', 'bc', 'c'];
  const spell = (tokens: number[]) => tokens.map((token) => spelt[token]).join('');
  for (let seed = 1; seed < 40; seed++) {
    const chance = random(seed);
    const limits = { stopTokenIds: [0], maxNewTokens: 6, grammar: new Grammar(SMALL) };
    const updates: Update[] = [];
    const answers = await decode(new Random(5, spell, chance), [7], limits, { candidates: 3 }, (u) => updates.push(u), chance);
    for (const { raw } of updates) expect(raw).toMatch(/^(a(bc)?)*$/);
    for (const { raw } of answers) expect(raw).toMatch(/^(a(bc)?)+$/);
    expect(answers.every(({ stopped }) => stopped)).toBe(true);
  }
});

// tests/demo gives a grammar that Python made, what it allows, and every emoji.
const given = process.env['POCKETMOJI_GRAMMAR'];
interface Given {
  file: GrammarFile;
  allowed: [number[], number, number[]][];
  emoji: string[];
}

describe.runIf(given)('with the grammar of a model', () => {
  const { file, allowed, emoji }: Given = given ? JSON.parse(readFileSync(given, 'utf-8')) : {};

  test('it allows what core/text/grammar.py allows', () => {
    const grammar = new Grammar(file);
    expect(allowed.length).toBeGreaterThan(300);
    for (const [answer, limit, tokens] of allowed) {
      expect(grammar.allowed(answer, limit).sort((a, b) => a - b)).toEqual(tokens);
    }
  });

  test('a model of random logits answers 10,000 times with whole emoji', { timeout: 120_000 }, async () => {
    const grammar = new Grammar(file);
    const known = new Set(emoji);
    const longest = Math.max(...emoji.map((one) => [...one].length));
    const bytes = new Map(file.tokens.map(([token, hex]) => [token, Buffer.from(hex, 'hex')]));
    const utf8 = new TextDecoder('utf-8', { fatal: false });
    const spell = (tokens: number[]) => utf8.decode(Buffer.concat(tokens.map((token) => bytes.get(token) ?? Buffer.from('?'))));
    const split = (text: string) => {
      const points = [...text];
      for (let start = 0; start < points.length; ) {
        let end = Math.min(points.length, start + longest);
        while (end > start && !known.has(points.slice(start, end).join(''))) end--;
        if (end === start) return false;
        start = end;
      }
      return points.length > 0;
    };
    const vocabulary = Math.max(...file.tokens.map(([token]) => token)) + 1;
    const chance = random(1);
    const model = new Random(vocabulary, spell, chance);
    const seen = new Set<string>();
    for (let i = 0; i < 10_000; i++) {
      const limits = { stopTokenIds: file.stop_token_ids, maxNewTokens: 2 + (i % 15), grammar };
      const [answer] = await decode(model, [7], limits, { candidates: 1 }, undefined, chance);
      if (!answer!.stopped || !split(answer!.raw)) throw new Error(`answer ${i} is ${JSON.stringify(answer)}`);
      seen.add(answer!.raw);
    }
    expect(seen.size).toBeGreaterThan(1000);
  });
});
