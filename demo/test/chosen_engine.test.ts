// Which engine is taken, with engines that are played.
import { beforeEach, expect, test, vi } from 'vitest';
import { ChosenEngine } from '../src/chosen_engine';
import { UnknownModel } from '../src/cpu/gemma';
import type { Adapter, Info, LoadOptions, ModelCard } from '../src/engine';

type Name = 'cpu' | 'gpu' | 'runtime' | 'wasm';

interface Played {
  loads?: Error | 'never';
  answers?: number[];
  ms?: number;
}

const here = vi.hoisted(() => ({
  adapter: null as Adapter | null,
  card: {} as ModelCard,
  cpu: {} as Played,
  gpu: {} as Played,
  runtime: {} as Played,
  wasm: {} as Played,
  loaded: [] as string[],
  closed: [] as string[],
}));

function played(kind: (options: LoadOptions) => { name: Name; info: Partial<Info> }) {
  return class {
    private name: Name = 'cpu';
    async load(options: LoadOptions, _: unknown, file?: unknown) {
      const { name, info } = kind(options);
      this.name = name;
      here.loaded.push(`${name}${options.threads ? ` ${options.threads}` : ''}${file ? ' with the file' : ''}`);
      const { loads } = here[name];
      if (loads === 'never') await new Promise(() => undefined);
      if (loads instanceof Error) throw loads;
      return { fallback_reason: null, measured: {}, threads: options.threads ?? 2, adapter: here.adapter, ...info } as Info;
    }
    async answer() {
      const { answers = [5, 1], ms = 10 } = here[this.name];
      return [{ raw: '🎉', tokens: answers, stopped: true, seconds: ms / 500, ttft_ms: 1, tokens_per_s: 1000 / ms }];
    }
    async close() {
      here.closed.push(this.name);
    }
    again() {
      return {};
    }
  };
}

vi.mock('../src/cpu/engine', () => ({
  CpuEngine: played(() => ({ name: 'cpu', info: { engine: 'pocketmoji', device: 'wasm', measured: { 'wasm, 2 threads': 10 } } })),
}));
vi.mock('../src/gpu/engine', () => ({
  GpuEngine: played(() => ({ name: 'gpu', info: { engine: 'pocketmoji', device: 'webgpu' } })),
}));
vi.mock('../src/transformers_engine', () => ({
  message: (error: unknown) => (error instanceof Error ? error.message : String(error)),
  TransformersEngine: played(({ device }) => ({
    name: device === 'webgpu' ? 'runtime' : 'wasm',
    info: { engine: 'transformers.js', device: device! },
  })),
}));
vi.mock('../src/webgpu', () => ({
  probeWebGpu: async () => ({ adapter: here.adapter, problem: here.adapter ? null : 'this browser gives no WebGPU adapter' }),
}));
vi.mock('../src/model', () => ({ readCard: async () => here.card }));

vi.stubGlobal('navigator', { hardwareConcurrency: 2 });

const GPU = { vendor: 'acme', architecture: 'fast', is_fallback: false } as Adapter;
const choose = (options: Partial<LoadOptions> = {}) => new ChosenEngine().load({ model: 'model', ...options }, () => undefined);

beforeEach(() => {
  Object.assign(here, { adapter: GPU, card: { probe: { text: 'party', tokens: [5, 1] } }, cpu: {}, gpu: {}, runtime: {}, wasm: {}, loaded: [], closed: [] });
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});

test('without a GPU, or with software that plays one, nothing but the processor is tried', async () => {
  for (const adapter of [null, { ...GPU, is_fallback: true }]) {
    Object.assign(here, { adapter, loaded: [] });
    const info = await choose();
    expect([info.engine, info.fallback_reason, info.adapter]).toEqual(['pocketmoji', null, adapter]);
    expect(here.loaded).toEqual(['cpu']);
  }
});

test('the faster of the two is taken; the other is closed', async () => {
  here.gpu = { ms: 3 };
  const info = await choose();
  expect([info.engine, info.device, info.fallback_reason]).toEqual(['pocketmoji', 'webgpu', null]);
  expect(info.measured).toEqual({ 'wasm, 2 threads': 10, webgpu: 3 });
  here.gpu = { ms: 30 };
  expect((await choose()).engine).toBe('pocketmoji');
  expect(here.loaded).toEqual(['cpu', 'gpu with the file', 'cpu', 'gpu with the file']);
  expect(here.closed).toEqual(['cpu', 'gpu']);
});

test('a GPU that computes wrong is not used, however fast; the page says so, and tries again on the next visit', async () => {
  here.gpu = { ms: 1, answers: [6, 1] };
  const info = await choose();
  expect(info.engine).toBe('pocketmoji');
  expect(info.fallback_reason).toMatch(/the GPU \(acme fast\) computes wrong: it answers "🎉" to "party"/);
  expect(info.choice).toBeNull();
});

test('a GPU that was asked for and computes wrong is an error', async () => {
  here.gpu = { answers: [6, 1] };
  await expect(choose({ device: 'webgpu' })).rejects.toThrow('computes wrong');
  here.gpu = {};
  expect((await choose({ device: 'webgpu' })).device).toBe('webgpu');
  expect(here.loaded).toEqual(['gpu', 'gpu']);
});

test('a GPU that does not load, or never answers, is not waited for', async () => {
  here.gpu = { loads: new Error('out of memory') };
  expect((await choose()).fallback_reason).toBe('out of memory');
  vi.useFakeTimers();
  here.gpu = { loads: 'never' };
  const waiting = choose();
  await vi.advanceTimersByTimeAsync(31_000);
  vi.useRealTimers();
  expect((await waiting).fallback_reason).toMatch(/not answered after 30 s/);
});

test('what an earlier visit found is not measured again, on this device and for this file', async () => {
  here.gpu = { ms: 3 };
  const { choice: gpu } = await choose();
  here.gpu = { ms: 30 };
  const { choice: cpu } = await choose();
  here.loaded = [];
  await choose({ remembered: cpu });
  await choose({ remembered: gpu });
  expect(here.loaded).toEqual(['cpu 2', 'gpu']);
  here.loaded = [];
  here.card = { ...here.card, bytes: { 'onnx/model_q4.onnx': 1 } };
  await choose({ remembered: gpu });
  expect(here.loaded).toEqual(['cpu', 'gpu with the file']);
});

test('a remembered GPU that has begun to compute wrong is found out', async () => {
  here.gpu = { ms: 3 };
  const { choice } = await choose();
  here.gpu = { ms: 3, answers: [6, 1] };
  const info = await choose({ remembered: choice });
  expect([info.engine, info.device]).toEqual(['pocketmoji', 'wasm']);
  expect(info.fallback_reason).toMatch('computes wrong');
});

test('a model that the own engine does not know goes to Transformers.js, with the file that is here', async () => {
  here.adapter = null;
  here.cpu = { loads: new UnknownModel('another graph') };
  const info = await choose();
  expect([info.engine, info.device]).toEqual(['transformers.js', 'wasm']);
  expect(info.fallback_reason).toBe('this browser gives no WebGPU adapter');
  expect(here.loaded).toEqual(['cpu', 'wasm with the file']);
});

test('an own engine that computes wrong is not used either', async () => {
  here.adapter = null;
  here.cpu = { answers: [6, 1] };
  const info = await choose({ device: 'wasm' });
  expect([info.engine, info.device]).toEqual(['transformers.js', 'wasm']);
  expect(info.fallback_reason).toMatch('pocketmoji computes wrong');
});

test('any other failure is the failure of the load', async () => {
  here.cpu = { loads: new Error('the file is not there') };
  await expect(choose()).rejects.toThrow('the file is not there');
});

test('without a probe nothing is judged, and the fastest taken', async () => {
  here.card = {};
  here.gpu = { ms: 1, answers: [9] };
  expect((await choose()).device).toBe('webgpu');
});

test('a model that its own engine does not know goes to ONNX Runtime, on the GPU too', async () => {
  here.gpu.loads = new UnknownModel('not one that this engine computes');
  const info = await choose({ device: 'webgpu' });
  expect([info.engine, info.device]).toEqual(['transformers.js', 'webgpu']);
  expect(here.loaded).toEqual(['gpu', 'runtime']);
});
