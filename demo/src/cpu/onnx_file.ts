// What is in an ONNX file: nodes, and where in the file the weights lie. Protobuf, read as far as it is needed.
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto has the numbers of the fields.

export interface Tensor {
  name: string;
  type: number;
  dims: number[];
  /** Where in the file its values lie, as they lie in memory. */
  start: number;
  bytes: number;
}

export interface Node {
  name: string;
  type: string;
  inputs: string[];
  outputs: string[];
  /** Numbers only: no other attribute means anything here. */
  attributes: Map<string, number>;
}

export interface Graph {
  nodes: Node[];
  tensors: Map<string, Tensor>;
}

export const FLOAT = 1;
export const UINT8 = 2;

const VARINT = 0;
const EIGHT_BYTES = 1;
const PIECE = 2;
const FOUR_BYTES = 5;

interface Field {
  number: number;
  wire: number;
  /** The value of a number; the length of a piece. */
  value: number;
  start: number;
}

/** The graph of the ONNX file that `file` holds; an error in words if it holds none. */
export function readGraph(file: Uint8Array): Graph {
  const reader = new Reader(file);
  const graph: Graph = { nodes: [], tensors: new Map() };
  for (const field of reader.fields(0, file.length)) {
    if (field.number !== 7 || field.wire !== PIECE) continue;
    for (const part of reader.fields(field.start, field.start + field.value)) {
      if (part.number === 1) graph.nodes.push(reader.node(part));
      if (part.number === 5) {
        const tensor = reader.tensor(part);
        graph.tensors.set(tensor.name, tensor);
      }
    }
  }
  if (graph.nodes.length === 0) throw new Error('it is no ONNX file: it holds no graph');
  return graph;
}

class Reader {
  private view: DataView;
  private decoder = new TextDecoder();

  constructor(private file: Uint8Array) {
    this.view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  }

  *fields(start: number, end: number): Generator<Field> {
    let at = start;
    const varint = () => {
      let value = 0;
      for (let factor = 1; ; factor *= 128) {
        if (at >= end) throw new Error('it ends early');
        const byte = this.file[at++]!;
        value += (byte & 127) * factor; // beyond 2^53 only in numbers that nobody here reads
        if (byte < 128) return value;
      }
    };
    while (at < end) {
      const key = varint();
      const [number, wire] = [Math.floor(key / 8), key % 8];
      if (wire === VARINT) {
        yield { number, wire, value: varint(), start: at };
        continue;
      }
      const size = wire === PIECE ? varint() : wire === FOUR_BYTES ? 4 : wire === EIGHT_BYTES ? 8 : NaN;
      if (Number.isNaN(size)) throw new Error('it is no ONNX file');
      if (at + size > end) throw new Error('it ends early');
      yield { number, wire, value: size, start: at };
      at += size;
    }
  }

  node({ start, value }: Field): Node {
    const node: Node = { name: '', type: '', inputs: [], outputs: [], attributes: new Map() };
    for (const field of this.fields(start, start + value)) {
      if (field.number === 1) node.inputs.push(this.text(field));
      if (field.number === 2) node.outputs.push(this.text(field));
      if (field.number === 3) node.name = this.text(field);
      if (field.number === 4) node.type = this.text(field);
      if (field.number === 5) this.attribute(field, node.attributes);
    }
    return node;
  }

  private attribute({ start, value }: Field, found: Map<string, number>): void {
    let name = '';
    let number: number | undefined;
    for (const field of this.fields(start, start + value)) {
      if (field.number === 1) name = this.text(field);
      if (field.number === 2) number = this.view.getFloat32(field.start, true);
      if (field.number === 3) number = field.value >= 2 ** 63 ? field.value - 2 ** 64 : field.value;
    }
    if (number !== undefined) found.set(name, number);
  }

  tensor({ start, value }: Field): Tensor {
    const tensor: Tensor = { name: '', type: 0, dims: [], start: -1, bytes: 0 };
    for (const field of this.fields(start, start + value)) {
      if (field.number === 1 && field.wire === VARINT) tensor.dims.push(field.value);
      if (field.number === 1 && field.wire === PIECE) {
        for (let at = field.start; at < field.start + field.value; ) {
          let dim = 0;
          for (let factor = 1; ; factor *= 128) {
            const byte = this.file[at++]!;
            dim += (byte & 127) * factor;
            if (byte < 128) break;
          }
          tensor.dims.push(dim);
        }
      }
      if (field.number === 2) tensor.type = field.value;
      if (field.number === 8) tensor.name = this.text(field);
      if (field.number === 9) [tensor.start, tensor.bytes] = [field.start, field.value];
    }
    return tensor;
  }

  /** Copied first: a decoder takes no shared memory. */
  private text({ start, value }: Field): string {
    return this.decoder.decode(this.file.slice(start, start + value));
  }
}
