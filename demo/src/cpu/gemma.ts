// A Gemma 3 found again in the ONNX graph that the export wrote: which weight does what, and every number of its shape.
// The graph is followed from the logits back. Whatever this engine does not compute, a node that is there besides
// or one that is another, is an error: it would answer otherwise than every other engine does.
import { FLOAT, UINT8, type Graph, type Node, type Tensor } from './onnx_file';

/** A quantised weight [rows, columns]; levels, scales and zero points are places in the file. */
export interface Matrix {
  levels: number;
  scales: number;
  /** -1: the middle level everywhere. */
  zeros: number;
  rows: number;
  columns: number;
  block: number;
  bits: number;
}

export interface Layer {
  query: Matrix;
  key: Matrix;
  value: Matrix;
  output: Matrix;
  gate: Matrix;
  up: Matrix;
  down: Matrix;
  inputNorm: number;
  queryNorm: number;
  keyNorm: number;
  afterAttentionNorm: number;
  beforeMlpNorm: number;
  afterMlpNorm: number;
  cosines: number;
  sines: number;
  /** How many positions attention sees; 0: all. */
  window: number;
}

export interface Gemma {
  layers: Layer[];
  width: number;
  mlpWidth: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  /** The longest text that it reads, in tokens. */
  positions: number;
  vocabulary: number;
  table: Matrix;
  finalNorm: number;
  embeddingScale: number;
  attentionScale: number;
  epsilon: number;
}

const NORM = 'SimplifiedLayerNormalization';
const ADD_AND_NORM = 'SkipSimplifiedLayerNormalization';
const LARGEST_BLOCK = 256; // a block's sum of levels times 16 bits must fit in 32

/** The file holds something that this engine does not compute. Transformers.js may know it. */
export class UnknownModel extends Error {}

/** Reads a graph whose file is `file`; an UnknownModel says what this engine does not know. */
export function readGemma(graph: Graph, file: DataView): Gemma {
  return new GraphReader(graph, file).gemma();
}

class GraphReader {
  private makers = new Map<string, Node>();
  private known = new Set<Node>();
  /** Numbers that every layer must agree on. */
  private shared = new Map<string, number>();

  constructor(
    private graph: Graph,
    private file: DataView,
  ) {
    for (const node of graph.nodes) for (const output of node.outputs) if (output) this.makers.set(output, node);
  }

  gemma(): Gemma {
    const head = this.made('logits', 'MatMulNBits');
    const table = this.matrix(head);
    const kept = this.made(head.inputs[0], 'Slice');
    this.plumbing(kept.inputs[1]);
    let following = this.maker(kept.inputs[0]);
    const finalNorm = this.floats(following.inputs[2], table.columns);
    const layers: Layer[] = [];
    let stream = '';
    while (following.type === ADD_AND_NORM) {
      const end = following;
      const { layer, source, stream: before } = this.layer(end, table.columns);
      following = this.maker(source);
      const first = following.type !== ADD_AND_NORM;
      stream = (first ? following.inputs[0] : following.outputs[3]) ?? '';
      if (stream !== before) throw unknown(end, 'it adds to something else');
      layers.unshift({ ...layer, inputNorm: this.floats(following.inputs[first ? 1 : 2], table.columns) });
    }
    this.norm(layers.length > 0 ? following.outputs[0] : undefined);
    const embeddingScale = this.embedding(stream, head);
    const stranger = this.graph.nodes.find((node) => !this.known.has(node));
    if (stranger) throw unknown(stranger, 'nothing in Gemma 3 is computed by it');
    const number = (name: string) => this.shared.get(name)!;
    return {
      layers,
      width: table.columns,
      mlpWidth: layers[0]!.gate.rows,
      heads: number('num_heads'),
      kvHeads: number('kv_num_heads'),
      headSize: number('head size'),
      positions: number('positions'),
      vocabulary: table.rows,
      table,
      finalNorm,
      embeddingScale,
      attentionScale: number('scale'),
      epsilon: number('epsilon'),
    };
  }

  /** The layer that ends with the node `end`; its first norm's output, and the sum that it adds to. */
  private layer(end: Node, width: number): { layer: Omit<Layer, 'inputNorm'>; source: string; stream: string } {
    this.agree(this.take(end), 'epsilon');
    const afterMlp = this.norm(end.inputs[1]);
    const down = this.made(afterMlp.inputs[0], 'MatMulNBits');
    const gated = this.made(down.inputs[0], 'Mul');
    const gate = this.made(this.made(gated.inputs[0], 'FastGelu').inputs[0], 'MatMulNBits');
    const up = this.made(gated.inputs[1], 'MatMulNBits');
    const middle = this.made(gate.inputs[0], ADD_AND_NORM);
    this.agree(middle, 'epsilon');
    if (up.inputs[0] !== gate.inputs[0]) throw unknown(up, 'it reads something else than the gate does');
    if (middle.outputs[3] !== end.inputs[0]) throw unknown(end, 'it adds to something else');
    const afterAttention = this.norm(middle.inputs[1]);
    const output = this.made(afterAttention.inputs[0], 'MatMulNBits');

    const attention = this.made(output.inputs[0], 'GroupQueryAttention');
    const numbers = attention.attributes;
    if (numbers.get('do_rotary') !== 1 || numbers.get('rotary_interleaved') || numbers.get('softcap')) {
      throw unknown(attention, 'it turns or caps otherwise');
    }
    for (const name of ['num_heads', 'kv_num_heads', 'scale']) this.agree(attention, name);
    for (const input of attention.inputs.slice(5, 7)) this.plumbing(input);
    const [query, key] = [this.headNorm(attention.inputs[0]), this.headNorm(attention.inputs[1])];
    const value = this.made(attention.inputs[2], 'MatMulNBits');
    const source = value.inputs[0]!;
    for (const one of [query, key]) {
      if (one.product.inputs[0] !== source) throw unknown(one.product, 'it reads something else than the value does');
    }
    const [headSize] = this.tensor(query.norm.inputs[1], FLOAT).dims as [number];
    if (headSize % 4) throw unknown(attention, `heads of ${headSize} numbers`);
    const turns = this.tensor(attention.inputs[7], FLOAT);
    this.same(attention, 'head size', headSize);
    this.same(attention, 'positions', turns.dims[0]!);
    const layer = {
      query: this.matrix(query.product),
      key: this.matrix(key.product),
      value: this.matrix(value),
      output: this.matrix(output),
      gate: this.matrix(gate),
      up: this.matrix(up),
      down: this.matrix(down),
      queryNorm: this.floats(query.norm.inputs[1], headSize),
      keyNorm: this.floats(key.norm.inputs[1], headSize),
      afterAttentionNorm: this.floats(afterAttention.inputs[1], width),
      beforeMlpNorm: this.floats(middle.inputs[2], width),
      afterMlpNorm: this.floats(afterMlp.inputs[1], width),
      cosines: this.floats(attention.inputs[7], turns.dims[0]! * (headSize / 2)),
      sines: this.floats(attention.inputs[8], turns.dims[0]! * (headSize / 2)),
      window: Math.max(0, numbers.get('local_window_size') ?? 0),
    };
    return { layer, source, stream: middle.inputs[0]! };
  }

  /** What queries and keys go through: a product, cut into heads, each under a norm. */
  private headNorm(value: string | undefined): { product: Node; norm: Node } {
    const norm = this.norm(this.made(value, 'Reshape').inputs[0]);
    return { norm, product: this.made(this.made(norm.inputs[0], 'Reshape').inputs[0], 'MatMulNBits') };
  }

  /** The lookup in the table that is the head as well; what its rows are multiplied by. */
  private embedding(stream: string, head: Node): number {
    const scaled = this.made(stream, 'Mul');
    const rows = this.made(this.made(scaled.inputs[0], 'Reshape').inputs[0], 'Mul');
    const centred = this.made(rows.inputs[0], 'Sub');
    const levels = this.made(this.made(centred.inputs[0], 'Cast').inputs[0], 'Gather');
    const scales = this.made(this.made(rows.inputs[1], 'Unsqueeze').inputs[0], 'Gather');
    if (levels.inputs[0] !== head.inputs[1] || scales.inputs[0] !== head.inputs[2] || this.float(centred.inputs[1]) !== 128) {
      throw unknown(levels, 'it looks up another table than the head has');
    }
    return this.float(scaled.inputs[1]);
  }

  private maker(value: string | undefined): Node {
    const node = this.makers.get(value ?? '');
    if (!node) throw new UnknownModel(`its graph is not one that this engine computes: nothing makes "${value}"`);
    return node;
  }

  private take(node: Node): Node {
    this.known.add(node);
    return node;
  }

  /** The node that makes a value, which must be of this type. */
  private made(value: string | undefined, type: string): Node {
    const node = this.maker(value);
    if (node.type !== type) throw unknown(node, `Gemma 3 has a ${type} there`);
    return this.take(node);
  }

  private norm(value: string | undefined): Node {
    const node = this.made(value, NORM);
    this.agree(node, 'epsilon');
    return node;
  }

  private agree(node: Node, attribute: string): void {
    this.same(node, attribute, node.attributes.get(attribute) ?? NaN);
  }

  private same(node: Node, name: string, value: number): void {
    if (!(value === (this.shared.get(name) ?? value))) throw unknown(node, `its ${name} is ${value}, another has ${this.shared.get(name)}`);
    this.shared.set(name, value);
  }

  /** Whatever leads from the inputs to lengths: it computes nothing of the model. */
  private plumbing(value: string | undefined): void {
    const node = this.makers.get(value ?? '');
    if (!node || this.known.has(node)) return;
    for (const input of this.take(node).inputs) this.plumbing(input);
  }

  private tensor(name: string | undefined, type: number): Tensor {
    const tensor = this.graph.tensors.get(name ?? '');
    if (!tensor || tensor.type !== type) throw new UnknownModel(`"${name}" is no weight of the kind that this engine knows`);
    if (tensor.start < 0) throw new UnknownModel(`"${name}" is not in this file, and this engine reads no other`);
    return tensor;
  }

  /** Where so many floats lie. */
  private floats(name: string | undefined, count: number): number {
    const tensor = this.tensor(name, FLOAT);
    if (tensor.bytes !== 4 * count) throw new UnknownModel(`"${name}" has ${tensor.bytes / 4} numbers, ${count} are expected`);
    return tensor.start;
  }

  private float(name: string | undefined): number {
    return this.file.getFloat32(this.floats(name, 1), true);
  }

  private matrix(node: Node): Matrix {
    const [columns, rows, bits, block] = ['K', 'N', 'bits', 'block_size'].map((name) => node.attributes.get(name) ?? 0) as [
      number, number, number, number,
    ];
    const blocks = columns / block;
    if (![4, 8].includes(bits) || block % 32 || block > LARGEST_BLOCK || !Number.isInteger(blocks) || (bits === 4 && rows % 2)) {
      throw unknown(node, `${bits} bits in blocks of ${block}, ${rows} times ${columns}`);
    }
    const [, q, s, z, ...more] = node.inputs;
    if (more.some(Boolean) || (z && bits === 8)) throw unknown(node, 'it has inputs that this engine does not know');
    const place = (name: string | undefined, bytes: number) => {
      const tensor = this.tensor(name, UINT8);
      if (tensor.bytes !== bytes) throw new UnknownModel(`"${name}" has ${tensor.bytes} bytes, ${bytes} are expected`);
      return tensor.start;
    };
    return {
      levels: place(q, (rows * columns * bits) / 8),
      scales: this.floats(s, rows * blocks),
      zeros: z ? place(z, rows * Math.ceil(blocks / 2)) : -1,
      rows, columns, block, bits,
    };
  }
}

function unknown(node: Node, why: string): UnknownModel {
  return new UnknownModel(`its graph is not one that this engine computes: ${node.name || node.type} (${node.type}): ${why}`);
}
