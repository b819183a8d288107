// The decoder's WebAssembly: its memory, and the threads that work in it. Its source is in demo/decoder.

interface Exports {
  __heap_base: WebAssembly.Global;
  step(model: number, tokens: number, count: number, wanted: number, logits: number): void;
  set_helpers?(count: number): void;
}

export interface HelperStart {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  stack: number;
  helper: number;
}

const PAGE = 2 ** 16;
const LARGEST = 65535; // pages
const FIRST = 32; // pages that the program itself has more than enough with
const STACK = 2 ** 16;

export class Machine {
  private exports: Exports;
  private end: number;
  private helpers: Worker[] = [];
  private stacks: number[] = [];

  private constructor(
    private module: WebAssembly.Module,
    private memory: WebAssembly.Memory,
    instance: WebAssembly.Instance,
  ) {
    this.exports = instance.exports as unknown as Exports;
    this.end = this.exports.__heap_base.value as number;
  }

  /** `threads`: the module is the one that shares its memory. `room`: the most that it will ever take, in bytes. */
  static async start(module: WebAssembly.Module, threads: boolean, room: number): Promise<Machine> {
    const maximum = Math.min(LARGEST, FIRST + Math.ceil(room / PAGE));
    const memory = new WebAssembly.Memory({ initial: FIRST, maximum, shared: threads });
    return new Machine(module, memory, await WebAssembly.instantiate(module, { env: { memory } }));
  }

  get canShare(): boolean {
    return this.exports.set_helpers !== undefined;
  }

  get threads(): number {
    return this.helpers.length + 1;
  }

  /** A place of so many bytes, for as long as the machine lives. */
  allocate(bytes: number): number {
    const place = Math.ceil(this.end / 64) * 64;
    this.end = place + bytes;
    const missing = Math.ceil((this.end - this.memory.buffer.byteLength) / PAGE);
    if (missing > 0) this.memory.grow(missing);
    return place;
  }

  /** Views of the memory as it is now: the next allocation may outdate them. */
  bytes(place: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, place, length);
  }

  words(place: number, length: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, place, length);
  }

  floats(place: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, place, length);
  }

  /** Reads tokens and writes the logits of the last `wanted` of them (step.c). */
  step(model: number, tokens: number, count: number, wanted: number, logits: number): void {
    this.exports.step(model, tokens, count, wanted, logits);
  }

  /** From now on so many threads work, this one among them. */
  async setThreads(count: number): Promise<void> {
    if (!this.exports.set_helpers) return;
    this.exports.set_helpers(count - 1);
    for (const helper of this.helpers.splice(count - 1)) helper.terminate();
    const started = [];
    for (let helper = this.helpers.length; helper < count - 1; helper++) {
      const stack = (this.stacks[helper] ??= this.allocate(STACK) + STACK);
      const worker = new Worker(new URL('./helper.ts', import.meta.url), { type: 'module' });
      this.helpers.push(worker);
      const start: HelperStart = { module: this.module, memory: this.memory, stack, helper };
      started.push(
        new Promise((resolve, reject) => {
          worker.onmessage = resolve;
          worker.onerror = (event) => reject(new Error(`a thread does not start: ${event.message}`));
        }),
      );
      worker.postMessage(start);
    }
    await Promise.all(started);
  }
}
