// The model's own thread. Speaks the messages of protocol.ts; one engine at a time, one request at a time.
import { ChosenEngine } from './chosen_engine';
import { CpuEngine } from './cpu/engine';
import type { Answer, Device, Engine, EngineName, GpuWork, OnUpdate } from './engine';
import { GpuEngine } from './gpu/engine';
import { countGpuWork, gpuWork, workOfAToken } from './gpu_work';
import { MediaPipeEngine } from './mediapipe_engine';
import { answerWithMemory, readMemory, type Memory } from './memory';
import { readCard, setRoot } from './model';
import type { Reply, Request } from './protocol';
import { message, TransformersEngine } from './transformers_engine';
import { watchDevices } from './webgpu';

const ENGINES: Record<EngineName, (device: Device | undefined) => Engine> = {
  pocketmoji: (device) => (device === 'webgpu' ? new GpuEngine() : new CpuEngine()),
  'transformers.js': () => new TransformersEngine(),
  mediapipe: () => new MediaPipeEngine(),
};

const send = (reply: Reply) => self.postMessage(reply);
let engine: Engine | undefined;
let memory: Memory | undefined;
let queue: Promise<void> = Promise.resolve();

watchDevices((reason) => send({ id: -1, kind: 'lost', reason }));

self.addEventListener('message', (event: MessageEvent<Request>) => {
  queue = queue.then(() => serve(event.data));
});

async function serve(request: Request): Promise<void> {
  const { id } = request;
  try {
    if (request.kind === 'load') {
      setRoot(request.root);
      const { engine: asked, device } = request.options;
      const make = asked ? ENGINES[asked] : () => new ChosenEngine();
      if (!make) throw new Error(`no engine "${asked}": ${Object.keys(ENGINES).join(', ')}`);
      if (asked && device === 'webgpu') countGpuWork();
      engine = make(device);
      const { model } = request.options;
      memory = await readMemory(model, await readCard(model));
      const info = await engine.load(request.options, (download) => send({ id, kind: 'download', download }));
      send({ id, kind: 'done', result: info });
    } else {
      if (!engine) throw new Error('no model is loaded');
      send({ id, kind: 'done', result: await answer(engine, request) });
    }
  } catch (error) {
    send({ id, kind: 'failed', error: message(error) });
  }
}

async function answer(asked: Engine, { id, text, options }: Extract<Request, { kind: 'answer' }>): Promise<Answer[]> {
  const counts: GpuWork[] = [];
  const ask = async (onUpdate: OnUpdate) => {
    const answers = await asked.answer(text, options, (update) => {
      const now = gpuWork();
      if (now && update.index === 0) counts.push(now);
      onUpdate(update);
    });
    const work = workOfAToken(counts);
    if (work && answers[0]) answers[0].gpu_work = work;
    return answers;
  };
  const recalled = options.memory ? memory?.recall(text) : undefined;
  return answerWithMemory(recalled, options.candidates, ask, (update) => send({ id, kind: 'update', update }));
}
