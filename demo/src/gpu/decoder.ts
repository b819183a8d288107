// A Gemma in the GPU's memory, behind the interface that all of the page's decoding goes through. A step is one submission;
// what comes back of it is a report of the largest logits, not the logits.
import type { Gemma } from '../cpu/gemma';
import type { Decoder, Wanted } from '../decoding';
import { LEFT_OUT } from '../sampling';
import * as kernels from './kernels';
import { BATCH, FOUND, productGroups, REPORT_WORDS } from './kernels';
import { uploadWeights, type GpuMatrix, type GpuWeights } from './weights';

const SIZES = [1, 4, BATCH];
const ANSWERS = 128; // entries of the cache beside those of the longest prompt
const TOKEN_WORDS = 4;

/** For each token of a row, in order, the place of its keys and values. Rows share what they have in common. */
type Row = number[];

interface Dispatch {
  pipeline: GPUComputePipeline;
  bindings: GPUBindGroup;
  groups: number;
  /** Whether there are so many groups for each token. */
  each: boolean;
}

export class GpuDecoder implements Decoder {
  private beginning: { tokens: number[]; row: Row } = { tokens: [], row: [] };
  private used = 0;
  private problem = '';

  private constructor(
    private device: GPUDevice,
    private gemma: Gemma,
    private memory: Memory,
    private programs: Map<number, Program>,
    readonly spell: (tokens: number[]) => string,
  ) {
    device.addEventListener('uncapturederror', ({ error }) => (this.problem ||= error.message));
    void device.lost.then(({ message }) => (this.problem ||= `the GPU was lost: ${message}`));
  }

  static async start(device: GPUDevice, gemma: Gemma, file: Uint8Array, spell: (tokens: number[]) => string): Promise<GpuDecoder> {
    const weights = uploadWeights(device, gemma, file);
    const memory = allocate(device, gemma);
    const compiler = new Compiler(device);
    const programs = await Promise.all(SIZES.map(async (size) => [size, await write(compiler, gemma, weights, memory, size)] as const));
    return new GpuDecoder(device, gemma, memory, new Map(programs), spell);
  }

  /** Reads what all prompts begin with, once and for all: a prompt that does is read from there on. */
  async begin(tokens: number[]): Promise<void> {
    this.beginning = { tokens: [], row: [] };
    this.used = 0;
    const row: Row = [];
    await this.read(tokens, row, null);
    this.beginning = { tokens, row };
  }

  async step(rows: number[][], cache: Row[] | null, wanted: Wanted = {}): Promise<{ logits: Float32Array[]; cache: Row[] }> {
    if (!cache) {
      const prompt = rows[0]!;
      const shared = this.beginning;
      const fits = prompt.length > shared.tokens.length && shared.tokens.every((token, i) => token === prompt[i]);
      const row = fits ? [...shared.row] : [];
      this.used = shared.row.length; // whatever an earlier prompt has left is overwritten
      return { logits: await this.read(prompt.slice(row.length), row, wanted), cache: [row] };
    }
    const logits: Float32Array[] = [];
    for (let first = 0; first < rows.length; first += BATCH) {
      const batch = rows.slice(first, first + BATCH).map((tokens, i) => ({ token: tokens[0]!, row: cache[first + i]! }));
      for (const { row } of batch) this.grow(row, 1);
      batch.forEach(({ token, row }, i) => this.put(i, token, row, row.length - 1, i, true));
      logits.push(...(await this.run(batch.length, batch.length, { ...wanted, allowed: wanted.allowed?.slice(first, first + BATCH) })));
    }
    return { logits, cache };
  }

  async repeat(cache: Row[], rows: number): Promise<Row[]> {
    return Array.from({ length: rows }, () => [...cache[0]!]);
  }

  async forget(): Promise<void> {
    // the next prompt does
  }

  /** Appends tokens to a row; the logits after the last if they are `wanted`. */
  private async read(tokens: number[], row: Row, wanted: Wanted | null): Promise<Float32Array[]> {
    const past = row.length;
    this.grow(row, tokens.length);
    for (let first = 0; ; first += BATCH) {
      const batch = tokens.slice(first, first + BATCH);
      batch.forEach((token, i) => this.put(i, token, row, past + first + i, 0, first + i === 0));
      const last = first + BATCH >= tokens.length;
      const logits = await this.run(batch.length, last && wanted ? 1 : 0, wanted ?? {});
      if (last) return logits;
    }
  }

  private grow(row: Row, count: number): void {
    const { positions } = this.gemma;
    if (row.length + count > positions || this.used + count > positions + ANSWERS) {
      throw new Error(`the text is too long: ${row.length + count} tokens, and this model reads ${positions}`);
    }
    for (let i = 0; i < count; i++) row.push(this.used++);
  }

  /** The token at a position of a row, whose places are the list of that number. */
  private put(index: number, token: number, row: Row, position: number, list: number, writeList: boolean): void {
    const { tokens, places } = this.memory;
    this.device.queue.writeBuffer(tokens, 4 * TOKEN_WORDS * index, Uint32Array.of(token, position, row[position]!, list));
    if (writeList) this.device.queue.writeBuffer(places, 4 * this.gemma.positions * list, Uint32Array.from(row));
  }

  /** Reads the tokens that were put; the logits after the last `count` of them. */
  private async run(tokens: number, count: number, wanted: Wanted): Promise<Float32Array[]> {
    const program = (size: number) => this.programs.get(SIZES.find((most) => most >= size)!)!;
    const { normed, last, report, reported } = this.memory;
    const { width } = this.gemma;
    const encoder = this.device.createCommandEncoder();
    dispatch(encoder, program(tokens).layers, tokens);
    const bytes = 4 * REPORT_WORDS * count;
    if (count > 0) {
      this.allow(count, wanted.allowed);
      encoder.copyBufferToBuffer(normed, 4 * width * (tokens - count), last, 0, 4 * width * count);
      dispatch(encoder, program(count).head, count);
      if (!wanted.whole) encoder.copyBufferToBuffer(report, 0, reported, 0, bytes);
    }
    this.device.queue.submit([encoder.finish()]);
    if (count === 0) return [];
    if (wanted.whole) return this.wholeRows(count);
    const words = new Uint32Array(await this.readBack(reported, bytes));
    const rows = Array.from({ length: count }, (_, i) => words.subarray(i * REPORT_WORDS, (i + 1) * REPORT_WORDS));
    // More than there is room for: that many are equal.
    return rows.some((row) => row[0]! > FOUND) ? this.wholeRows(count) : rows.map((row) => this.rowOf(row));
  }

  private allow(count: number, allowed: number[][] | undefined): void {
    const words = Math.ceil(this.gemma.vocabulary / 32);
    const bits = new Uint32Array(words * count);
    if (!allowed) bits.fill(0xffffffff);
    allowed?.forEach((tokens, i) => {
      for (const token of tokens) bits[i * words + (token >>> 5)]! |= 1 << (token & 31);
    });
    this.device.queue.writeBuffer(this.memory.allowed, 0, bits);
  }

  /** A row of logits with what the GPU reported of it. */
  private rowOf(report: Uint32Array): Float32Array {
    const [found, nan, infinite] = report as unknown as [number, number, number];
    const logits = new Float32Array(report.buffer, report.byteOffset, report.length);
    const row = new Float32Array(this.gemma.vocabulary).fill(LEFT_OUT);
    for (let i = 0; i < found; i++) row[report[4 + 2 * i]!] = logits[5 + 2 * i]!;
    return row.fill(NaN, 0, nan).fill(Infinity, nan, nan + infinite);
  }

  private async wholeRows(count: number): Promise<Float32Array[]> {
    const { vocabulary } = this.gemma;
    const bytes = 4 * vocabulary * count;
    const copy = this.device.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(this.memory.logits, 0, copy, 0, bytes);
    this.device.queue.submit([encoder.finish()]);
    const all = new Float32Array(await this.readBack(copy, bytes));
    copy.destroy();
    return Array.from({ length: count }, (_, i) => all.subarray(i * vocabulary, (i + 1) * vocabulary));
  }

  private async readBack(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    await buffer.mapAsync(GPUMapMode.READ, 0, bytes);
    const copy = buffer.getMappedRange(0, bytes).slice(0);
    buffer.unmap();
    if (this.problem) throw new Error(this.problem);
    return copy;
  }

  close(): void {
    this.device.destroy();
  }
}

function dispatch(encoder: GPUCommandEncoder, dispatches: Dispatch[], count: number): void {
  const pass = encoder.beginComputePass();
  for (const { pipeline, bindings, groups, each } of dispatches) {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindings);
    pass.dispatchWorkgroups(groups, each ? count : 1);
  }
  pass.end();
}

interface Memory {
  tokens: GPUBuffer;
  places: GPUBuffer;
  stream: GPUBuffer;
  normed: GPUBuffer;
  vectors: GPUBuffer;
  attended: GPUBuffer;
  change: GPUBuffer;
  gated: GPUBuffer;
  last: GPUBuffer;
  logits: GPUBuffer;
  allowed: GPUBuffer;
  report: GPUBuffer;
  reported: GPUBuffer;
  /** Of each layer. */
  cache: { keys: GPUBuffer; values: GPUBuffer }[];
}

function allocate(device: GPUDevice, gemma: Gemma): Memory {
  const { STORAGE, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage;
  const words = (count: number, usage = STORAGE | COPY_DST | COPY_SRC) => device.createBuffer({ size: 4 * count, usage });
  const { width, heads, kvHeads, headSize, mlpWidth, positions, vocabulary } = gemma;
  const entries = (positions + ANSWERS) * kvHeads * headSize;
  return {
    tokens: words(BATCH * TOKEN_WORDS),
    places: words(BATCH * positions),
    stream: words(BATCH * width),
    normed: words(BATCH * width),
    vectors: words(BATCH * (heads + 2 * kvHeads) * headSize),
    attended: words(BATCH * heads * headSize),
    change: words(BATCH * width),
    gated: words(BATCH * mlpWidth),
    last: words(BATCH * width),
    logits: words(BATCH * vocabulary),
    allowed: words(BATCH * Math.ceil(vocabulary / 32)),
    report: words(BATCH * REPORT_WORDS),
    reported: words(BATCH * REPORT_WORDS, MAP_READ | COPY_DST),
    cache: gemma.layers.map(() => ({ keys: words(entries), values: words(entries) })),
  };
}

interface Program {
  layers: Dispatch[];
  head: Dispatch[];
}

/** All that a step of up to `size` tokens dispatches. */
async function write(compiler: Compiler, gemma: Gemma, weights: GpuWeights, memory: Memory, size: number): Promise<Program> {
  const { epsilon, width, positions, attentionScale, vocabulary } = gemma;
  const { tokens, places, stream, normed, vectors, attended, change, gated, last, logits, allowed, report } = memory;
  const one = (code: string, buffers: GPUBuffer[], groups: number, each: boolean) => compiler.dispatch(code, buffers, groups, each);
  const product = ({ shape, levels, grid }: GpuMatrix, source: GPUBuffer, result: GPUBuffer, gates = false) =>
    one(kernels.product(shape, size, gates), [levels, grid, source, result], productGroups(gates ? shape.rows / 2 : shape.rows), false);
  const { table } = weights;
  const first = weights.layers[0]!;
  const made = [
    one(kernels.embed(table.shape, gemma.embeddingScale, epsilon), [table.levels, table.grid, tokens, first.inputNorm, stream, normed], 1, true),
  ];
  weights.layers.forEach((layer, i) => {
    const { keys, values } = memory.cache[i]!;
    const following = weights.layers[i + 1]?.inputNorm ?? weights.finalNorm;
    const add = (after: GPUBuffer, before: GPUBuffer) =>
      one(kernels.addAndNormalise(width, epsilon), [change, after, before, stream, normed], 1, true);
    made.push(
      product(layer.input, normed, vectors),
      one(kernels.turn(gemma, epsilon), [tokens, layer.queryNorm, layer.keyNorm, layer.turns, vectors, keys, values], gemma.heads + 2 * gemma.kvHeads, true),
      one(kernels.attend(gemma, positions, attentionScale, layer.window), [tokens, places, vectors, keys, values, attended], gemma.heads, true),
      product(layer.output, attended, change),
      add(layer.afterAttentionNorm, layer.beforeMlpNorm),
      product(layer.gates, normed, gated, true),
      product(layer.down, gated, change),
      add(layer.afterMlpNorm, following),
    );
  });
  const head = [
    product(table, last, logits),
    one(kernels.largest(vocabulary), [logits, allowed, report], 1, true),
  ];
  return { layers: await Promise.all(made), head: await Promise.all(head) };
}

/** Compiles each kernel once. */
class Compiler {
  private made = new Map<string, Promise<GPUComputePipeline>>();

  constructor(private device: GPUDevice) {}

  async dispatch(code: string, buffers: GPUBuffer[], groups: number, each: boolean): Promise<Dispatch> {
    const pipeline = await this.compile(code);
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const bindings = this.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
    return { pipeline, bindings, groups, each };
  }

  private compile(code: string): Promise<GPUComputePipeline> {
    let made = this.made.get(code);
    if (!made) {
      const module = this.device.createShaderModule({ code });
      made = this.device.createComputePipelineAsync({ layout: 'auto', compute: { module } });
      this.made.set(code, made);
    }
    return made;
  }
}
