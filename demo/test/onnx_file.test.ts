import { expect, test } from 'vitest';
import { readGraph } from '../src/cpu/onnx_file';

/** Protobuf by hand: a number, or a piece (text, bytes, or a message of fields). */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}
const number = (field: number, value: number) => [...varint(field * 8), ...varint(value)];
function piece(field: number, value: string | number[]): number[] {
  const bytes = typeof value === 'string' ? [...new TextEncoder().encode(value)] : value;
  return [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes];
}
const float = (field: number, value: number) => [...varint(field * 8 + 5), ...new Uint8Array(new Float32Array([value]).buffer)];

const epsilon = piece(5, [...piece(1, 'epsilon'), ...float(2, 0.5)]);
const axis = piece(5, [...piece(1, 'axis'), ...number(3, 300)]);
const node = piece(1, [...piece(1, 'x'), ...piece(1, 'w'), ...piece(2, 'y'), ...piece(3, 'a name'), ...piece(4, 'Norm'), ...epsilon, ...axis]);
const tensor = piece(5, [...number(1, 2), ...number(1, 300), ...number(2, 1), ...piece(8, 'w'), ...piece(9, [7, 8, 9])]);
const packed = piece(5, [...piece(1, [2, ...varint(300)]), ...number(2, 2), ...piece(8, 'packed'), ...piece(9, [5])]);
const file = Uint8Array.from([...number(1, 10), ...piece(2, 'pocketmoji'), ...piece(7, [...node, ...tensor, ...packed])]);

test('nodes, their numbers, and where weights lie', () => {
  const graph = readGraph(file);
  expect(graph.nodes).toEqual([
    { name: 'a name', type: 'Norm', inputs: ['x', 'w'], outputs: ['y'], attributes: new Map([['epsilon', 0.5], ['axis', 300]]) },
  ]);
  const weight = graph.tensors.get('w')!;
  expect(weight).toMatchObject({ type: 1, dims: [2, 300], bytes: 3 });
  expect([...file.subarray(weight.start, weight.start + 3)]).toEqual([7, 8, 9]);
  expect(graph.tensors.get('packed')!.dims).toEqual([2, 300]);
});

test('half a file, a web page and nothing at all are no ONNX files', () => {
  for (let length = 15; length < file.length; length++) expect(() => readGraph(file.slice(0, length))).toThrow('it ends early');
  expect(() => readGraph(new TextEncoder().encode('<!doctype html><title>Not found</title>'))).toThrow();
  expect(() => readGraph(new Uint8Array())).toThrow('no graph');
});

test('memory that threads share is read as well', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(file.length));
  shared.set(file);
  expect(readGraph(shared).nodes).toHaveLength(1);
});
