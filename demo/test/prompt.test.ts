import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { plain } from '../src/plain';
import { asked, render } from '../src/prompt';

const golden: { text: string; plain: string; prompt: string }[] = JSON.parse(
  readFileSync(new URL('../../core/text/golden_prompts.json', import.meta.url), 'utf-8'),
);

describe('the prompt is the one that the model was trained with', () => {
  test.each(golden)('$text', ({ text, prompt }) => expect(render(text)).toBe(prompt));

  test('trims what Python trims and nothing else', () => {
    expect(render('\u001c\u0085 a \u3000')).toBe(render('a'));
    expect(render('\ufeffa')).not.toBe(render('a'));
  });
});

describe('a text is asked in plain letters', () => {
  test.each(golden)('$text', (row) => {
    expect(plain(row.text)).toBe(row.plain);
    expect(asked(row.text)).toBe(render(row.plain));
  });
});
