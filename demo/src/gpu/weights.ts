// A Gemma's weights in the GPU's memory, put together as its kernels read them: queries, keys and values in one matrix, the gate
// and what it opens and shuts in another, and each block's scale beside its zero point.
import { UnknownModel, type Gemma, type Layer, type Matrix } from '../cpu/gemma';

export interface GpuMatrix {
  shape: Matrix;
  levels: GPUBuffer;
  grid: GPUBuffer;
}

export interface GpuLayer {
  input: GpuMatrix;
  output: GpuMatrix;
  gates: GpuMatrix;
  down: GpuMatrix;
  inputNorm: GPUBuffer;
  queryNorm: GPUBuffer;
  keyNorm: GPUBuffer;
  afterAttentionNorm: GPUBuffer;
  beforeMlpNorm: GPUBuffer;
  afterMlpNorm: GPUBuffer;
  turns: GPUBuffer;
  window: number;
}

export interface GpuWeights {
  layers: GpuLayer[];
  table: GpuMatrix;
  finalNorm: GPUBuffer;
}

/** Bytes of the largest piece that a shader reads at once. */
export function largestPiece(gemma: Gemma): number {
  const { layers, table } = gemma;
  const matrices = [table, ...layers.slice(0, 1).flatMap((layer) => [layer.gate, layer.down])];
  return Math.max(...matrices.map(({ rows, columns, bits }) => (2 * rows * columns * bits) / 8));
}

/** Copies the weights of the model in `file` to the GPU. */
export function uploadWeights(device: GPUDevice, gemma: Gemma, file: Uint8Array): GpuWeights {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const floats = (start: number, count: number) => Float32Array.from({ length: count }, (_, i) => view.getFloat32(start + 4 * i, true));
  const norm = (start: number, count: number) => upload(device, floats(start, count));
  const matrix = (...parts: Matrix[]) => uploadMatrix(device, file, parts);
  const turns = new Map<number, GPUBuffer>();
  const turnsOf = ({ cosines, sines }: Layer) => {
    const count = (gemma.positions * gemma.headSize) / 2;
    const made = turns.get(cosines) ?? upload(device, interleaved(floats(cosines, count), floats(sines, count)));
    turns.set(cosines, made);
    return made;
  };
  return {
    layers: gemma.layers.map((layer) => ({
      input: matrix(layer.query, layer.key, layer.value),
      output: matrix(layer.output),
      gates: matrix(layer.gate, layer.up),
      down: matrix(layer.down),
      inputNorm: norm(layer.inputNorm, gemma.width),
      queryNorm: norm(layer.queryNorm, gemma.headSize),
      keyNorm: norm(layer.keyNorm, gemma.headSize),
      afterAttentionNorm: norm(layer.afterAttentionNorm, gemma.width),
      beforeMlpNorm: norm(layer.beforeMlpNorm, gemma.width),
      afterMlpNorm: norm(layer.afterMlpNorm, gemma.width),
      turns: turnsOf(layer),
      window: layer.window,
    })),
    table: matrix(gemma.table),
    finalNorm: norm(gemma.finalNorm, gemma.width),
  };
}

function uploadMatrix(device: GPUDevice, file: Uint8Array, parts: Matrix[]): GpuMatrix {
  const [{ columns, block, bits }] = parts as [Matrix];
  if (parts.some((part) => part.columns !== columns || part.block !== block || part.bits !== bits)) {
    throw new UnknownModel('its graph is not one that this engine computes: matrices that read the same have other grids');
  }
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const levels = new Uint8Array((rows * columns * bits) / 8);
  const grid = new Float32Array(2 * rows * (columns / block));
  let [level, step] = [0, 0];
  for (const part of parts) {
    const bytes = (part.rows * columns * bits) / 8;
    levels.set(file.subarray(part.levels, part.levels + bytes), level);
    level += bytes;
    writeGrid(file, part, grid.subarray(step));
    step += 2 * part.rows * (columns / block);
  }
  return { shape: { ...parts[0]!, rows }, levels: upload(device, levels), grid: upload(device, grid) };
}

/** Each block's scale and zero point. Two zero points share a byte, the first in its low half. */
function writeGrid(file: Uint8Array, { scales, zeros, rows, columns, block, bits }: Matrix, grid: Float32Array): void {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const blocks = columns / block;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < blocks; i++) {
      const pair = zeros < 0 ? 0 : file[zeros + row * Math.ceil(blocks / 2) + (i >> 1)]!;
      grid[2 * (row * blocks + i)] = view.getFloat32(scales + 4 * (row * blocks + i), true);
      grid[2 * (row * blocks + i) + 1] = zeros < 0 ? 2 ** (bits - 1) : (pair >> (4 * (i & 1))) & 15;
    }
  }
}

function interleaved(one: Float32Array, other: Float32Array): Float32Array {
  const both = new Float32Array(2 * one.length);
  one.forEach((value, i) => both.set([value, other[i]!], 2 * i));
  return both;
}

function upload(device: GPUDevice, data: Uint8Array | Float32Array): GPUBuffer {
  const buffer = device.createBuffer({ size: data.byteLength, usage: GPUBufferUsage.STORAGE, mappedAtCreation: true });
  new Uint8Array(buffer.getMappedRange()).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  buffer.unmap();
  return buffer;
}
