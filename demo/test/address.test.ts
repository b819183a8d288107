import { expect, test } from 'vitest';
import { readAddress } from '../src/address';

test('nothing asked for', () => {
  expect(readAddress('')).toEqual({ options: { model: 'model' }, auto: true });
});

test('everything asked for', () => {
  const { options, auto } = readAddress('?model=mine&engine=mediapipe&device=webgpu&dtype=q8&threads=2&load=manual');
  expect(options).toEqual({ model: 'mine', engine: 'mediapipe', device: 'webgpu', dtype: 'q8', threads: 2 });
  expect(auto).toBe(false);
});

test.each(['?device=gpu', '?engine=onnx', '?model=../secret', '?model=https://example.org/x'])('%s is refused', (query) => {
  expect(() => readAddress(query)).toThrow(/expected/);
});
