import { expect, test } from 'vitest';
import { workOfAToken } from '../src/gpu_work';

test('what a further token takes: reading the prompt is not counted', () => {
  const counts = [
    { dispatches: 900, bytes_read: 5000 },
    { dispatches: 1047, bytes_read: 6000 },
    { dispatches: 1194, bytes_read: 7000 },
  ];
  expect(workOfAToken(counts)).toEqual({ dispatches: 147, bytes_read: 1000 });
  expect(workOfAToken(counts.slice(0, 1))).toBeUndefined();
});
