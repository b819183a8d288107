// The model's own thread. Speaks the messages of protocol.ts; one engine at a time, one request at a time.
import { ChosenEngine } from './chosen_engine';
import { CpuEngine } from './cpu/engine';
import type { Engine, EngineName } from './engine';
import { MediaPipeEngine } from './mediapipe_engine';
import { setRoot } from './model';
import type { Reply, Request } from './protocol';
import { message, TransformersEngine } from './transformers_engine';
import { watchDevices } from './webgpu';

const ENGINES: Record<EngineName, new () => Engine> = {
  pocketmoji: CpuEngine,
  'transformers.js': TransformersEngine,
  mediapipe: MediaPipeEngine,
};

const send = (reply: Reply) => self.postMessage(reply);
let engine: Engine | undefined;
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
      const { engine: asked } = request.options;
      const Kind = asked ? ENGINES[asked] : ChosenEngine;
      if (!Kind) throw new Error(`no engine "${asked}": ${Object.keys(ENGINES).join(', ')}`);
      engine = new Kind();
      const info = await engine.load(request.options, (download) => send({ id, kind: 'download', download }));
      send({ id, kind: 'done', result: info });
    } else {
      if (!engine) throw new Error('no model is loaded');
      const answers = await engine.answer(request.text, request.options, (update) => send({ id, kind: 'update', update }));
      send({ id, kind: 'done', result: answers });
    }
  } catch (error) {
    send({ id, kind: 'failed', error: message(error) });
  }
}
