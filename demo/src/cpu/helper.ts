// A thread that helps the decoder: it works in the same memory until it is wanted no longer.
import type { HelperStart } from './machine';

self.addEventListener('message', async ({ data }: MessageEvent<HelperStart>) => {
  const { exports } = await WebAssembly.instantiate(data.module, { env: { memory: data.memory } });
  (exports.__stack_pointer as WebAssembly.Global).value = data.stack;
  self.postMessage('ready');
  (exports.help as (helper: number) => void)(data.helper);
});
