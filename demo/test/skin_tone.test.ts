import { expect, test } from 'vitest';
import { withTone } from '../src/skin_tone';

const MEDIUM = '\u{1F3FD}';

test.each([
  ['👍🎉', '👍🏽🎉'],
  ['👍🏿', '👍🏽'],
  ['☝️', '☝🏽'],
  ['🤦‍♂️', '🤦🏽‍♂️'],
  ['👩‍❤️‍👨', '👩🏽‍❤️‍👨🏽'],
  ['👨‍👩‍👧', '👨‍👩‍👧'], // families take no tone
  ['🎉', '🎉'],
  ['👍 ok', '👍 ok'], // not all emoji: shown as the model said it
])('%s becomes %s', (raw, toned) => expect(withTone(raw, MEDIUM)).toBe(toned));

test('no preference, no change', () => expect(withTone('👍🏿', '')).toBe('👍🏿'));
