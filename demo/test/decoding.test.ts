import { expect, test } from 'vitest';
import { decode, type Decoder } from '../src/decoding';
import { differentStarts, draw, LEFT_OUT, notFinite, topK } from '../src/sampling';

const STOP = 0;

/** A model of six tokens that, after token t, wants t - 1 most: 5 4 3 2 1 stop. Counts what it is asked for. */
class Countdown implements Decoder {
  prefills = 0;
  steps = 0;
  rows: number[] = [];
  constructor(private first: number[]) {}

  async step(rows: number[][], cache: unknown) {
    if (cache === null) this.prefills++;
    else this.steps++;
    this.rows.push(rows.length);
    const after = (last: number) => Float32Array.from({ length: 6 }, (_, token) => (token === last - 1 ? 50 : 0));
    return { logits: rows.map((row) => (cache === null ? Float32Array.from(this.first) : after(row.at(-1)!))), cache: {} };
  }
  async repeat(cache: unknown) {
    return cache;
  }
  async forget() {}
  spell(tokens: number[]) {
    return tokens.join('');
  }
}

const limits = { stopTokenIds: [STOP], maxNewTokens: 8 };

test('three answers from one reading of the prompt', async () => {
  const model = new Countdown([9, 0, 5, 6, 1, 8]);
  const updates: string[] = [];
  const answers = await decode(model, [7], { ...limits, stopTokenIds: [STOP] }, { candidates: 3 }, ({ index, raw }) =>
    updates.push(`${index}:${raw}`),
  );
  expect(model.prefills).toBe(1);
  expect(model.rows.slice(1).every((rows) => rows === 3)).toBe(true);
  expect(answers[0]).toMatchObject({ raw: '', tokens: [STOP], stopped: true }); // greedy: to say nothing
  expect(new Set(answers.map(({ raw }) => raw)).size).toBe(3);
  expect(answers.slice(1).every(({ tokens, stopped }) => stopped && tokens[0] !== STOP)).toBe(true);
  expect(updates.length).toBeGreaterThan(3); // as they grow
});

test('one answer is greedy and needs no copy of the cache', async () => {
  const model = new Countdown([0, 0, 0, 9, 0, 8]);
  model.repeat = () => Promise.reject(new Error('copied'));
  const [answer] = await decode(model, [7], limits, { candidates: 1 });
  expect(answer).toMatchObject({ raw: '321', tokens: [3, 2, 1, STOP], stopped: true });
});

test('an answer that does not stop is cut off and says so', async () => {
  const [answer] = await decode(new Countdown([0, 0, 0, 0, 0, 9]), [7], { ...limits, maxNewTokens: 2 }, { candidates: 1 });
  expect(answer).toMatchObject({ raw: '54', stopped: false });
});

test('NaN is an error, and in a trace a finding', async () => {
  const model = () => new Countdown([1, NaN, 0, 0, 0, Infinity]);
  await expect(decode(model(), [7], limits, { candidates: 1 })).rejects.toThrow('1 of 6 logits are NaN at token 1');
  const [answer] = await decode(model(), [7], limits, { candidates: 1, trace: 3 });
  expect(answer?.trace).toMatchObject({ prompt_tokens: [7], problem: '1 of 6 logits are NaN at token 1' });
});

test('a trace has the largest logits of each token', async () => {
  const [answer] = await decode(new Countdown([0, 0, 7, 9, 0, 8]), [7], limits, { candidates: 1, trace: 2 });
  expect(answer?.trace?.steps[0]).toEqual([[3, 9], [5, 8]]);
  expect(answer?.trace?.steps.length).toBe(answer?.tokens.length);
});

test('the largest logits, ties to the smaller token', () => {
  expect(topK([1, 5, 5, 2], 3)).toEqual([{ token: 1, logit: 5 }, { token: 2, logit: 5 }, { token: 3, logit: 2 }]);
});

test('what is not finite', () => {
  expect(notFinite([1, 2])).toBeNull();
  expect(notFinite([1, -Infinity])).toMatch(/1 of 2 logits are infinite/);
});

test('drawing follows the probabilities', () => {
  const choices = topK([0, Math.log(3)], 2);
  let often = 0;
  for (let i = 0; i < 1000; i++) if (draw(choices, 1, () => (i + 0.5) / 1000) === 1) often++;
  expect(often).toBe(750);
});

test('starts differ, the greedy one first, none that is forbidden', () => {
  for (let i = 0; i < 50; i++) {
    const starts = differentStarts(topK([0, 1, 2, 3, 4], 5), 3, [0], 1, Math.random);
    expect(starts[0]).toBe(4);
    expect(new Set(starts).size).toBe(3);
    expect(starts).not.toContain(0);
  }
});

test('a logit that an engine left out is none of the largest, and nothing wrong', () => {
  const row = new Float32Array(6).fill(LEFT_OUT);
  row[4] = 2;
  row[1] = -7;
  expect(topK(row, 3).map(({ token }) => token)).toEqual([4, 1]);
  expect(notFinite(row)).toBeNull();
});

test('whole rows of logits are asked for only where they are compared', async () => {
  for (const trace of [undefined, 2]) {
    const model = new Countdown([0, 0, 0, 9, 0, 8]);
    const asked: unknown[] = [];
    const step = model.step.bind(model);
    model.step = (...given: [number[][], unknown, object?]) => (asked.push(given[2]), step(given[0], given[1]));
    await decode(model, [7], limits, { candidates: 1, ...(trace ? { trace } : {}) });
    expect(new Set(asked.map((wanted) => JSON.stringify(wanted)))).toEqual(new Set([JSON.stringify({ whole: trace !== undefined })]));
  }
});
