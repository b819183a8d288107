// Choosing tokens from a row of logits. Pure functions: the same row and the same random numbers, the same token.

export interface Scored {
  token: number;
  logit: number;
}

/** What stands for a logit that an engine left out, since others are larger or may be said; it is not one of the largest. */
export const LEFT_OUT = -3e38;

/** The `k` largest logits, largest first; of equal ones the smaller token first, as NumPy's argmax has it. */
export function topK(row: ArrayLike<number>, k: number): Scored[] {
  const found: Scored[] = [];
  for (let token = 0; token < row.length; token++) {
    const logit = row[token]!;
    if (logit <= LEFT_OUT) continue;
    if (found.length === k && !(logit > found[k - 1]!.logit)) continue;
    let at = found.length;
    while (at > 0 && logit > found[at - 1]!.logit) at--;
    found.splice(at, 0, { token, logit });
    if (found.length > k) found.pop();
  }
  return found;
}

/** What is wrong with a row of logits, in words; null if every one is a finite number. */
export function notFinite(row: ArrayLike<number>): string | null {
  let nan = 0;
  let infinite = 0;
  for (let token = 0; token < row.length; token++) {
    const logit = row[token]!;
    if (Number.isNaN(logit)) nan++;
    else if (!Number.isFinite(logit)) infinite++;
  }
  if (nan > 0) return `${nan} of ${row.length} logits are NaN`;
  return infinite > 0 ? `${infinite} of ${row.length} logits are infinite` : null;
}

/** One token of `choices`, drawn by softmax(logit / temperature). */
export function draw(choices: Scored[], temperature: number, random: () => number): number {
  const best = choices[0]!.logit;
  const weights = choices.map(({ logit }) => Math.exp((logit - best) / temperature));
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (let i = 0; i < choices.length; i++) {
    left -= weights[i]!;
    if (left < 0) return choices[i]!.token;
  }
  return choices[choices.length - 1]!.token;
}

/**
 * `count` different first tokens: the greedy one, then others drawn without replacement (Gumbel top-k), none of which
 * is in `never`. Fewer if `choices` has no more.
 */
export function differentStarts(
  choices: Scored[],
  count: number,
  never: number[],
  temperature: number,
  random: () => number,
): number[] {
  const [greedy, ...others] = choices;
  if (!greedy) return [];
  const drawn = others
    .filter(({ token }) => !never.includes(token))
    .map(({ token, logit }) => ({ token, key: logit / temperature - Math.log(-Math.log(random() || Number.MIN_VALUE)) }))
    .sort((a, b) => b.key - a.key);
  return [greedy.token, ...drawn.slice(0, count - 1).map(({ token }) => token)];
}
