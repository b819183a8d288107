import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Answer, OnUpdate, Update } from '../src/engine';
import { answerWithMemory, Memory, merge, ngrams, type MemoryFile, type Recalled } from '../src/memory';

const said = (...raws: string[]): Answer[] =>
  raws.map((raw) => ({ raw, tokens: [1], stopped: true, seconds: 1, ttft_ms: 1, tokens_per_s: 1 }));
const MODEL = said('😀', '🎈', '🎂');
const recalled = (similarity: number, emoji = '🎉🥳'): Recalled => ({ text: 'what a fun party', emoji, similarity });
const told = (answers: Answer[]) => answers.map(({ raw, from_memory }) => (from_memory ? `${raw} (${from_memory})` : raw));
const PARTY = '🎉🥳 (what a fun party)';

test('n-grams are of code points, within words', () => {
  expect(ngrams('Ab')).toEqual([' a', 'ab', 'b ', ' ab', 'ab ', ' ab ']);
  expect(ngrams('🎉')).toEqual([' 🎉', '🎉 ', ' 🎉 ']);
  expect(ngrams(' \u0085\x1c ')).toEqual([]);
});

describe('what is recalled', () => {
  const memory = new Memory({ texts: ['hello there', 'Hello  there', 'my cat is asleep'], emoji: ['👋', '🙋', '🐈💤'] });
  test('the same words, of contradicting rows the first', () => {
    expect(memory.recall('HELLO there')).toEqual({ text: 'hello there', emoji: '👋', similarity: 1 });
  });
  test('nothing where nothing is similar, or the list is empty', () => {
    expect(memory.recall('qqq 日本')).toBeUndefined();
    expect(memory.recall('  ')).toBeUndefined();
    expect(new Memory({ texts: [], emoji: [] }).recall('hello there')).toBeUndefined();
  });
  test('a file that is none is refused', () => {
    expect(() => new Memory({ texts: ['a'], emoji: [] })).toThrow('other texts than emoji');
  });
});

describe('where it stands', () => {
  test.each([
    [0.55, [PARTY, '😀', '🎈']],
    [0.55 - 1e-9, ['😀', PARTY, '🎈']],
    [0.35, ['😀', PARTY, '🎈']],
    [0.35 - 1e-9, ['😀', '🎈', '🎂']],
  ])('%d', (similarity, wanted) => expect(told(merge(MODEL, recalled(similarity), 3))).toEqual(wanted));
  test('the same emoji are said once', () => {
    expect(told(merge(MODEL, recalled(0.9, '🎈'), 3))).toEqual(['🎈 (what a fun party)', '😀', '🎂']);
    expect(told(merge(MODEL, recalled(0.4, '🎂'), 3))).toEqual(['😀', '🎂 (what a fun party)', '🎈']);
    expect(told(merge(MODEL, recalled(0.4, '😀'), 3))).toEqual(['😀', '🎈', '🎂']);
    expect(told(merge(said('❤', '🎈'), recalled(0.9, '❤️'), 3))).toEqual(['❤️ (what a fun party)', '🎈']);
  });
  test('never more than are wanted', () => {
    expect(told(merge(MODEL, recalled(0.9), 1))).toEqual([PARTY]);
    expect(told(merge(MODEL, recalled(0.4), 1))).toEqual(['😀']);
    expect(told(merge(MODEL, undefined, 2))).toEqual(['😀', '🎈']);
    expect(told(merge([], recalled(0.4), 3))).toEqual([PARTY]);
  });
});

/** What is shown after each update, and in the end. */
async function shown(given: Recalled | undefined, answers = MODEL): Promise<[string[], string[]]> {
  const updates: Update[] = [];
  const ask = async (onUpdate: OnUpdate) => {
    answers.forEach((answer, index) => onUpdate({ index, raw: answer.raw, answer }));
    return answers;
  };
  const found = await answerWithMemory(given, 3, ask, (update) => updates.push(update));
  return [updates.map(({ index, raw }) => `${index} ${raw}`), told(found)];
}

test('each is shown where it will stand', async () => {
  expect(await shown(recalled(0.9))).toEqual([['0 🎉🥳', '1 😀', '2 🎈'], [PARTY, '😀', '🎈']]);
  expect(await shown(recalled(0.4))).toEqual([['0 😀', '1 🎉🥳', '2 🎈'], ['😀', PARTY, '🎈']]);
  expect(await shown(recalled(0.2))).toEqual([['0 😀', '1 🎈', '2 🎂'], ['😀', '🎈', '🎂']]);
  expect(await shown(undefined)).toEqual([['0 😀', '1 🎈', '2 🎂'], ['😀', '🎈', '🎂']]);
  const [updates, answers] = await shown(recalled(0.4, '😀'));
  expect(updates[0]).toBe('0 😀');
  expect(answers).toEqual(['😀', '🎈', '🎂']);
});

// tests/demo gives a list, and what Python recalls from it.
const given = process.env['POCKETMOJI_MEMORY'];

describe.runIf(given)('with a list', () => {
  const { file, cases } = JSON.parse(given ? readFileSync(given, 'utf-8') : '{}') as {
    file: MemoryFile;
    cases: { text: string; recalled: Recalled | null }[];
  };

  test('it recalls what core/text/memory.py recalls', () => {
    const memory = new Memory(file);
    expect(cases.length).toBeGreaterThan(300);
    for (const { text, recalled } of cases) {
      const { similarity, ...found } = memory.recall(text) ?? { similarity: 0 };
      const { similarity: wanted, ...row } = recalled ?? { similarity: 0 };
      expect({ asked: text, ...found }).toEqual({ asked: text, ...row });
      expect(Math.abs(similarity - wanted)).toBeLessThanOrEqual(1e-9);
    }
  });
});
