import { expect, test } from 'vitest';
import type { Answer, Info } from '../src/engine';
import { badge, explain, fault, megabytes, notices, progress } from '../src/wording';

const answer = (raw: string, stopped = true): Answer => ({
  raw,
  stopped,
  tokens: [],
  seconds: 1,
  ttft_ms: null,
  tokens_per_s: null,
});

test('an answer that is not emoji is called so, whatever it says', () => {
  expect(fault(answer('🎉'))).toBeNull();
  expect(fault(answer('🎉1'))).toMatch(/Not only emoji/);
  expect(fault(answer(''))).toMatch(/nothing/);
  expect(fault(answer('🎉', false))).toMatch(/stop/);
});

test('a software adapter is called so', () => {
  const adapter = { vendor: 'google', architecture: 'swiftshader', is_fallback: true };
  const info = { engine: 'transformers.js', device: 'webgpu', adapter } as Info;
  expect(badge(info)).toBe('Transformers.js · WebGPU (swiftshader, software)');
  expect(badge({ ...info, device: 'wasm' })).toBe('Transformers.js · WASM');
});

test('sizes', () => expect([megabytes(1_234_567), megabytes(145_098_473)]).toEqual(['1.2 MB', '145 MB']));

test('a download never reads as 0.0 MB', () => {
  expect([progress(0, 0), progress(49_999, 80e6), progress(49_999, 0)]).toEqual(['', '', '']);
  expect([progress(50_000, 5_600_000), progress(2_000_000, 0)]).toEqual(['0.1 MB of 5.6 MB', '2.0 MB']);
});

test.each([
  ['no WebGPU adapter: ...', 'No WebGPU here', true],
  ['models/model/onnx/model_q4.onnx is not there: the server answered 404', 'The model is not there', false],
  ['models/model/onnx/model_q4.onnx does not load: protobuf', 'The model file cannot be read', false],
  ['?device=gpu: webgpu or wasm is expected', 'The address has a mistake', false],
  ['models/model/x.onnx: the download broke off at 8.0 of 127.0 MB: Failed to fetch', 'The connection broke', false],
  ['models/model/x.onnx: the server cannot be reached, and the model is not kept here yet', 'No connection', false],
  ['the model computes nonsense: 512 of 512 logits are NaN at token 1 of the answer', 'The model computes nonsense', false],
  ["the model's worker stopped: it could not be started, or ran out of memory", 'Not enough memory', false],
  ["the model's worker stopped: unreachable", 'The model stopped', false],
  ['QuotaExceededError', "This browser's storage is full", false],
  ['boom', 'That did not work', false],
])('%s', (error, title, offerWasm) => expect(explain(error)).toMatchObject({ title, offerWasm }));

test.each([
  ['models/model/x.onnx: the download broke off at 8.0 of 127.0 MB: Failed to fetch', true],
  ["the model's worker stopped: unreachable", true],
  ['models/model/onnx/model_q4.onnx is not there: the server answered 404', false],
  ['models/model/x.onnx is not there: the host serves the pointer that Git LFS keeps in its place', false],
  ['models/model/onnx/model_q4.onnx does not load: protobuf', false],
  ["the model's worker stopped: SyntaxError: import declarations may only appear at top level of a module", false],
  ['no WebGPU adapter: this browser gives none', false],
  ['?device=gpu: webgpu or wasm is expected', false],
])('another try is offered only where it can help: %s', (error, retry) => expect(explain(error).retry).toBe(retry));

test('what this browser does not keep is said once', () => {
  const info = { fallback_reason: null, kept: 'storage forbidden' } as Info;
  expect(notices(info, false)).toHaveLength(1);
  expect(notices({ ...info, kept: 'kept' }, true)).toEqual([]);
});
