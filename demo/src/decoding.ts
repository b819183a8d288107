// Several answers from one reading of the prompt: it is read once, its cache is copied, and the answers then grow side by
// side, one row of a batch each. A step takes hardly longer for three rows than for one, since the weights are read once.
import type { Answer, AnswerOptions, OnUpdate, Trace } from './engine';
import type { Grammar } from './grammar';
import { differentStarts, draw, notFinite, topK } from './sampling';

/** What of the logits is wanted: the largest, and of the rest `LEFT_OUT` will do, unless it is `whole` rows. */
export interface Wanted {
  whole?: boolean | undefined;
  /** For each row the tokens that may be said; without it all. */
  allowed?: number[][] | undefined;
}

/** What a runtime has to offer: token ids in, logits of each row's last position and a cache out. */
export interface Decoder {
  /** `cache` null: a prompt is read. `rows` have the same length. */
  step(rows: number[][], cache: unknown, wanted?: Wanted): Promise<{ logits: Float32Array[]; cache: unknown }>;
  /** The cache of one row, as that of `rows` equal rows. */
  repeat(cache: unknown, rows: number): Promise<unknown>;
  forget(cache: unknown): Promise<void>;
  spell(tokens: number[]): string;
}

export interface Limits {
  stopTokenIds: number[];
  maxNewTokens: number;
  /** Only what it allows is said. */
  grammar?: Grammar | undefined;
}

// A tuned model is sure of itself: this lets its second thoughts through at the first token, and keeps to them after it.
const FIRST = { choices: 40, temperature: 1.2 };
const LATER = { choices: 20, temperature: 0.6 };

/** The greedy answer and `options.candidates` - 1 sampled ones that begin differently; fewer where two are spelt alike. */
export async function decode(
  decoder: Decoder,
  prompt: number[],
  limits: Limits,
  options: AnswerOptions,
  onUpdate?: OnUpdate,
  random: () => number = Math.random,
): Promise<Answer[]> {
  const started = performance.now();
  const { stopTokenIds, maxNewTokens, grammar } = limits;
  const spell = (tokens: number[]) => (tokens.length > 0 ? decoder.spell(tokens) : ''); // tokenizers spell none of none
  const best = (row: Float32Array, answer: number[], k: number) => {
    const found = topK(grammar?.mask(row, answer, maxNewTokens) ?? row, k);
    return grammar ? found.filter(({ logit }) => logit > -Infinity) : found;
  };
  const trace: Trace | undefined = options.trace ? { prompt_tokens: prompt, steps: [], problem: null } : undefined;
  const wanted = (answers: number[][]): Wanted => ({
    whole: trace !== undefined,
    allowed: grammar && answers.map((answer) => grammar.allowed(answer, maxNewTokens)),
  });
  const look = (row: Float32Array, at: number) => {
    const problem = notFinite(row);
    if (problem && !trace) throw new Error(`the model computes nonsense: ${problem} at token ${at + 1} of the answer`);
    if (trace && !trace.problem) {
      if (problem) trace.problem = `${problem} at token ${at + 1}`;
      trace.steps.push(topK(row, options.trace!).map(({ token, logit }) => [token, logit]));
    }
    return problem === null;
  };

  let { logits, cache } = await decoder.step([prompt], null, wanted([[]]));
  const fine = look(logits[0]!, 0);
  const first = performance.now();
  const choices = best(logits[0]!, [], FIRST.choices);
  const starts = fine ? differentStarts(choices, options.candidates, stopTokenIds, FIRST.temperature, random) : [];
  const rows = starts.map((token) => ({ tokens: [token], last: first, ended: 0 }));
  const answers: Answer[] = [];
  const tell = (index: number) => {
    const row = rows[index]!;
    const stopped = stopTokenIds.includes(row.tokens.at(-1)!);
    const raw = spell(stopped ? row.tokens.slice(0, -1) : row.tokens);
    if (!stopped && row.tokens.length < maxNewTokens) {
      // Half an emoji is not shown, though it will be a whole one.
      const shown = grammar ? spell(row.tokens.slice(0, grammar.wholeTokens(row.tokens))) : raw;
      onUpdate?.({ index, raw: shown, answer: null });
      return;
    }
    const now = performance.now();
    row.ended = now;
    const answer: Answer = {
      raw,
      tokens: row.tokens,
      stopped,
      seconds: (now - started) / 1000,
      ttft_ms: first - started,
      tokens_per_s: row.tokens.length > 1 && row.last > first ? (row.tokens.length - 1) / ((row.last - first) / 1000) : null,
      ...(trace && index === 0 ? { trace } : {}),
    };
    answers[index] = answer;
    onUpdate?.({ index, raw, answer });
  };

  rows.forEach((_, index) => tell(index));
  if (rows.some((row) => !row.ended) && rows.length > 1) cache = await decoder.repeat(cache, rows.length);
  for (let at = 1; rows.some((row) => !row.ended); at++) {
    const said = rows.map((row) => row.tokens);
    ({ logits, cache } = await decoder.step(said.map((tokens) => [tokens.at(-1)!]), cache, wanted(said)));
    const now = performance.now();
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index]!;
      if (row.ended) continue; // its row of the batch goes on, and nobody looks
      if (!look(logits[index]!, at)) {
        row.ended = now;
        continue;
      }
      const next = best(logits[index]!, row.tokens, index === 0 ? 1 : LATER.choices);
      row.tokens.push(index === 0 ? next[0]!.token : draw(next, LATER.temperature, random));
      row.last = now;
      tell(index);
    }
    if (trace?.problem) break;
  }
  await decoder.forget(cache);
  if (trace?.problem) {
    const seconds = (performance.now() - started) / 1000;
    return [{ raw: '', tokens: rows[0]?.tokens ?? [], stopped: false, seconds, ttft_ms: null, tokens_per_s: null, trace }];
  }
  return answers.filter((answer, i) => answer && answers.findIndex((other) => other?.raw === answer.raw) === i);
}
