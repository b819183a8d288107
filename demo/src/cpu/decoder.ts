// A Gemma in the machine's memory, behind the interface that all of the page's decoding goes through.
import type { Decoder } from '../decoding';
import type { Gemma, Layer, Matrix } from './gemma';
import type { Machine } from './machine';

const BATCH = 8; // tokens of a step (model.h)
const TOKEN_WORDS = 3;
const ENTRIES = 32; // of the cache, allocated at a time

/** For each token of a row, in order, the place of its keys and values. Rows share what they have in common. */
type Row = number[];

export class CpuDecoder implements Decoder {
  private beginning: { tokens: number[]; row: Row } = { tokens: [], row: [] };
  private entries: number[] = [];
  private used = 0;
  private model: number;
  private tokens: number;
  private lists: number;
  private logits: number;

  /** `file`: where in the machine's memory the file lies that `gemma` was read from. */
  constructor(
    private machine: Machine,
    private gemma: Gemma,
    file: number,
    readonly spell: (tokens: number[]) => string,
  ) {
    this.tokens = machine.allocate(4 * BATCH * TOKEN_WORDS);
    this.lists = machine.allocate(4 * BATCH * gemma.positions);
    this.logits = machine.allocate(4 * BATCH * gemma.vocabulary);
    this.model = place(machine, modelWords(gemma, file, machine));
  }

  /** Reads what all prompts begin with, once and for all: a prompt that does is read from there on. */
  begin(tokens: number[]): void {
    this.beginning = { tokens: [], row: [] };
    this.used = 0;
    const row: Row = [];
    this.read(tokens, row);
    this.beginning = { tokens, row };
  }

  /** Milliseconds that a token takes at present, the median of so many. */
  time(steps: number): number {
    const { tokens, row } = this.beginning;
    const times = Array.from({ length: steps }, () => {
      const started = performance.now();
      this.used = row.length;
      this.read(tokens.slice(-1), [...row]);
      return performance.now() - started;
    });
    return times.sort((a, b) => a - b)[steps >> 1]!;
  }

  async step(rows: number[][], cache: Row[] | null): Promise<{ logits: Float32Array[]; cache: Row[] }> {
    if (!cache) {
      const prompt = rows[0]!;
      const shared = this.beginning;
      const fits = prompt.length > shared.tokens.length && shared.tokens.every((token, i) => token === prompt[i]);
      const row = fits ? [...shared.row] : [];
      this.used = shared.row.length; // whatever an earlier prompt has left is overwritten
      return { logits: [this.read(prompt.slice(row.length), row)], cache: [row] };
    }
    const logits: Float32Array[] = [];
    for (let first = 0; first < rows.length; first += BATCH) {
      const batch = rows.slice(first, first + BATCH).map((tokens, i) => ({ token: tokens[0]!, row: cache[first + i]! }));
      for (const { row } of batch) this.grow(row, 1);
      batch.forEach(({ token, row }, i) => this.put(i, token, row.length - 1, this.list(i, row)));
      logits.push(...this.run(batch.length, batch.length));
    }
    return { logits, cache };
  }

  async repeat(cache: Row[], rows: number): Promise<Row[]> {
    return Array.from({ length: rows }, () => [...cache[0]!]);
  }

  async forget(): Promise<void> {
    // the next prompt does
  }

  /** Appends tokens to a row; the logits after the last. */
  private read(tokens: number[], row: Row): Float32Array {
    const past = row.length;
    this.grow(row, tokens.length);
    const list = this.list(0, row);
    for (let first = 0; ; first += BATCH) {
      const batch = tokens.slice(first, first + BATCH);
      batch.forEach((token, i) => this.put(i, token, past + first + i, list));
      const last = first + BATCH >= tokens.length;
      const [logits] = this.run(batch.length, last ? 1 : 0);
      if (last) return logits!;
    }
  }

  private grow(row: Row, count: number): void {
    if (row.length + count > this.gemma.positions) {
      throw new Error(`the text is too long: ${row.length + count} tokens, and this model reads ${this.gemma.positions}`);
    }
    const { layers, kvHeads, headSize } = this.gemma;
    const bytes = 4 * layers.length * 2 * kvHeads * headSize;
    for (let i = 0; i < count; i++) {
      if (this.used === this.entries.length) {
        const start = this.machine.allocate(ENTRIES * bytes);
        this.entries.push(...Array.from({ length: ENTRIES }, (_, entry) => start + entry * bytes));
      }
      row.push(this.entries[this.used++]!);
    }
  }

  private list(index: number, row: Row): number {
    const list = this.lists + 4 * index * this.gemma.positions;
    this.machine.words(list, row.length).set(row);
    return list;
  }

  private put(index: number, token: number, position: number, list: number): void {
    this.machine.words(this.tokens + 4 * index * TOKEN_WORDS, TOKEN_WORDS).set([token, position, list]);
  }

  private run(count: number, wanted: number): Float32Array[] {
    this.machine.step(this.model, this.tokens, count, wanted, this.logits);
    const { vocabulary } = this.gemma;
    return Array.from({ length: wanted }, (_, i) => this.machine.floats(this.logits + 4 * i * vocabulary, vocabulary).slice());
  }
}

function place(machine: Machine, words: number[]): number {
  const at = machine.allocate(4 * words.length);
  machine.words(at, words.length).set(words);
  return at;
}

/** The struct Model of model.h, with room for its working memory. */
function modelWords(gemma: Gemma, file: number, machine: Machine): number[] {
  const { layers, width, mlpWidth, heads, kvHeads, headSize, positions } = gemma;
  const floats = (count: number) => machine.allocate(4 * BATCH * count);
  const widest = Math.max(width, mlpWidth, heads * headSize);
  return [
    place(machine, layers.flatMap((layer) => layerWords(layer, file))),
    layers.length, width, mlpWidth, heads, kvHeads, headSize, positions,
    ...matrixWords(gemma.table, file),
    file + gemma.finalNorm,
    ...[gemma.embeddingScale, gemma.attentionScale, gemma.epsilon].map(floatWord),
    floats(width), // stream
    floats(width), // normed
    floats(heads * headSize), // queries
    floats(kvHeads * headSize), // keys
    floats(kvHeads * headSize), // values
    floats(heads * headSize), // attended
    floats(width), // projected
    floats(2 * mlpWidth), // gates
    floats(heads * positions), // scores
    floats(widest / 2), // rounded: values of 16 bits,
    floats(widest / 32), // scales, and
    floats(4 * (widest / 32)), // sums, of blocks of 32 at least
  ];
}

function layerWords(layer: Layer, file: number): number[] {
  const matrices = [layer.query, layer.key, layer.value, layer.output, layer.gate, layer.up, layer.down];
  const weights = [
    layer.inputNorm, layer.queryNorm, layer.keyNorm, layer.afterAttentionNorm, layer.beforeMlpNorm, layer.afterMlpNorm,
    layer.cosines, layer.sines,
  ];
  return [...matrices.flatMap((matrix) => matrixWords(matrix, file)), ...weights.map((at) => file + at), layer.window];
}

function matrixWords({ levels, scales, zeros, rows, columns, block, bits }: Matrix, file: number): number[] {
  return [file + levels, file + scales, zeros < 0 ? 0 : file + zeros, rows, columns, block, bits];
}

function floatWord(value: number): number {
  return new Uint32Array(new Float32Array([value]).buffer)[0]!;
}
