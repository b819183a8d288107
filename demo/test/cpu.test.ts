// The engine for processors beside Python, on tiny models that tests/demo/test_demo.py makes: the same files, the same logits.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CpuDecoder } from '../src/cpu/decoder';
import { readGemma, UnknownModel, type Gemma } from '../src/cpu/gemma';
import { Machine } from '../src/cpu/machine';
import { readGraph } from '../src/cpu/onnx_file';
import { decode } from '../src/decoding';

interface Case {
  file: string;
  prompt: number[];
  /** Per token of Python's greedy answer its largest logits. */
  steps: [number, number][][];
}

const FOLDER = process.env.POCKETMOJI_TINY;
const cases = FOLDER ? (JSON.parse(readFileSync(`${FOLDER}/cases.json`, 'utf8')) as Case[]) : [];
const BUILD = new URL('../decoder/build/', import.meta.url);

async function load(file: string, build = 'decoder.wasm') {
  const module = await WebAssembly.compile(readFileSync(new URL(build, BUILD)));
  const machine = await Machine.start(module, build.includes('threads'), 2 ** 26);
  const bytes = readFileSync(`${FOLDER}/${file}`);
  const place = machine.allocate(bytes.length);
  const memory = machine.bytes(place, bytes.length);
  memory.set(bytes);
  const gemma = readGemma(readGraph(memory), new DataView(memory.buffer, memory.byteOffset, memory.length));
  return { gemma, decoder: new CpuDecoder(machine, gemma, place, (tokens) => tokens.join(' ')) };
}

const limits = (steps: unknown[]) => ({ stopTokenIds: [1], maxNewTokens: steps.length });

describe.runIf(FOLDER)('beside Python', () => {
  test.each(cases)('$file: the same answer from the same logits', async ({ file, prompt, steps }) => {
    for (const build of ['decoder.wasm', 'decoder-threads.wasm']) {
      const { decoder } = await load(file, build);
      decoder.begin(prompt.slice(0, 5));
      for (let again = 0; again < 2; again++) {
        const [answer] = await decode(decoder, prompt, limits(steps), { candidates: 1, trace: steps[0]!.length });
        expect(answer!.trace!.steps.map((step) => step[0]![0])).toEqual(steps.map((step) => step[0]![0]));
        const ours = new Map(answer!.trace!.steps.flatMap((step, at) => step.map(([token, logit]) => [`${at} ${token}`, logit])));
        const pairs = steps.flatMap((step, at) => step.map(([token, logit]) => [ours.get(`${at} ${token}`), logit] as const));
        const known = pairs.filter(([mine]) => mine !== undefined);
        expect(known.length).toBeGreaterThan(0.9 * pairs.length);
        for (const [mine, logit] of known) expect(Math.abs(mine! - logit)).toBeLessThan(0.005);
      }
    }
  });

  test('candidates that grow side by side say what each would alone', async () => {
    const { prompt, file } = cases[0]!;
    const { decoder } = await load(file);
    const start = await decoder.step([prompt], null);
    const rows = await decoder.repeat(start.cache, 3);
    const together = await decoder.step([[20], [30], [40]], rows);
    const further = await decoder.step([[21], [31], [41]], together.cache);
    for (const [i, first] of [20, 30, 40].entries()) {
      const alone = await decoder.step([[...prompt, first, first + 1]], null);
      expect(apart(alone.logits[0]!, further.logits[i]!)).toBeLessThan(1e-3);
    }
  });

  test('what all prompts begin with is read once, and another prompt is read whole', async () => {
    const { prompt, file } = cases[0]!;
    const { decoder } = await load(file);
    const whole = await decoder.step([prompt], null);
    decoder.begin(prompt.slice(0, 7));
    expect(apart((await decoder.step([prompt], null)).logits[0]!, whole.logits[0]!)).toBeLessThan(1e-3);
    const other = await decoder.step([prompt.slice(1)], null);
    decoder.begin([]);
    expect(apart((await decoder.step([prompt.slice(1)], null)).logits[0]!, other.logits[0]!)).toBeLessThan(1e-6);
  });

  test('a text that is longer than the model reads is refused in words', async () => {
    const { gemma, decoder } = await load(cases[0]!.file);
    await expect(decoder.step([new Array(gemma.positions + 1).fill(5)], null)).rejects.toThrow(/too long: \d+ tokens/);
  });

  test('a graph that computes anything else is refused', () => {
    const bytes = readFileSync(`${FOLDER}/${cases[0]!.file}`);
    const read = (change: (graph: ReturnType<typeof readGraph>) => void): Gemma => {
      const graph = readGraph(bytes);
      change(graph);
      return readGemma(graph, new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
    };
    expect(read(() => undefined).layers.map((layer) => layer.window)).toEqual([16, 16, 0, 16]);
    const changes: [RegExp, (graph: ReturnType<typeof readGraph>) => void][] = [
      [/Gemma 3 has a Slice there/, ({ nodes }) => {
        const head = nodes.find((node) => node.outputs[0] === 'logits')!;
        nodes.push({ name: 'planted', type: 'Mul', inputs: [head.inputs[0]!, 'two'], outputs: ['doubled'], attributes: new Map() });
        head.inputs[0] = 'doubled';
      }],
      [/nothing in Gemma 3 is computed by it/, ({ nodes }) =>
        nodes.push({ name: 'idle', type: 'Relu', inputs: ['logits'], outputs: ['more'], attributes: new Map() })],
      [/Gemma 3 has a FastGelu/, ({ nodes }) => (nodes.find((node) => node.type === 'FastGelu')!.type = 'Gelu')],
      [/epsilon/, ({ nodes }) => nodes.find((node) => node.attributes.has('epsilon'))!.attributes.set('epsilon', 0.1)],
      [/2 bits/, ({ nodes }) => nodes.findLast((node) => node.type === 'MatMulNBits')!.attributes.set('bits', 2)],
      [/bytes, \d+ are expected/, ({ tensors }) => (tensors.get('table.q')!.bytes -= 1)],
      [/is not in this file/, ({ tensors }) => (tensors.get('table.q')!.start = -1)],
    ];
    for (const [says, change] of changes) {
      expect(() => read(change)).toThrow(says);
      expect(() => read(change)).toThrow(UnknownModel);
    }
  });
});

function apart(one: Float32Array, other: Float32Array): number {
  return one.reduce((largest, value, i) => Math.max(largest, Math.abs(value - other[i]!)), 0);
}
