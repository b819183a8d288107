// The inference runtimes are served as their authors ship them, from our own origin, and loaded only when an engine
// needs them. They are copied from node_modules at build time because 50 MB of binaries do not belong in a repository.
import { copyFileSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const FILES = [
  // The self-contained bundle (the package's default entry leaves ONNX Runtime to a bundler).
  '@huggingface/transformers/dist/transformers.min.js',
  // ONNX Runtime with WebGPU, which runs WASM too; the one without is half the size and loads in half the time.
  'onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.mjs',
  'onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm',
  'onnxruntime-web/dist/ort-wasm-simd-threaded.mjs',
  'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
  // MediaPipe, in the flavour for module workers; a browser with WebGPU always has SIMD.
  '@mediapipe/tasks-genai/genai_bundle.mjs',
  '@mediapipe/tasks-genai/wasm/genai_wasm_module_internal.js',
  '@mediapipe/tasks-genai/wasm/genai_wasm_module_internal.wasm',
];

/** Copies the runtimes from `nodeModules` into `folder`, flat, replacing what was there; pocketmoji.json tells their sizes. */
export function copyRuntimes(nodeModules: string, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of FILES) copyFileSync(join(nodeModules, file), join(folder, basename(file)));
  const bytes = Object.fromEntries(FILES.map((file) => [basename(file), statSync(join(folder, basename(file))).size]));
  writeFileSync(join(folder, 'pocketmoji.json'), JSON.stringify({ bytes }));
}
