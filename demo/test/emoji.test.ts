import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FORM, isCompliant, splitEmoji } from '../src/emoji';

describe('compliance', () => {
  test.each(['🎉', '🎉🥳🎶', '👍🏽', '👨‍👩‍👧', '🇩🇪🇫🇷', '1️⃣', '#️⃣', '❤️', '❤', '🤦🏽‍♂️', '🏴󠁧󠁢󠁳󠁣󠁴󠁿', '🏳️‍🌈', '👩‍❤‍👨', '©'])('%s is', (raw) =>
    expect(isCompliant(raw)).toBe(true),
  );

  test.each(['', ' ', '1', '#', 'a', '🎉 🥳', '🎉a', '\u{1F3FD}', '\u200d', '\ufe0f', '🎉\ufe0f', '🤦\u200d\ufe0f', '🇩', '<unused875>'])(
    '%j is not',
    (raw) => expect(isCompliant(raw)).toBe(false),
  );

  test('splits at the longest match', () => expect(splitEmoji('👨‍👩‍👧🇩🇪👍🏽')).toEqual(['👨‍👩‍👧', '🇩🇪', '👍🏽']));
});

// tests/demo gives Python's verdict on every sequence of Unicode's list, and on sequences that are near misses.
const verdicts = process.env['POCKETMOJI_EMOJI_VERDICTS'];

test.runIf(verdicts)('agrees with core/text/emoji.py', () => {
  const cases: [string, boolean][] = JSON.parse(readFileSync(verdicts!, 'utf-8'));
  expect(cases.length).toBeGreaterThan(5000);
  const differing = cases.filter(([text, compliant]) => isCompliant(text) !== compliant);
  expect(differing).toEqual([]);
});

test.each(['🎉', '👍🏽', '🤦🏻‍♂️', '👨‍👩‍👧‍👦', '🇩🇪', '🏴󠁧󠁢󠁳󠁣󠁴󠁿', '1️⃣', '❤️', '🏳️‍🌈'])('%s has the form of an emoji', (emoji) =>
  expect(FORM.test(emoji)).toBe(true),
);
test.each(['1', '#', 'a', '🎉 ', '🇩', '🎉‍', '‍🎉', '1️'])('%j has not', (text) => expect(FORM.test(text)).toBe(false));
