import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { copyRuntimes } from './runtime_files.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
// Threads in WebAssembly need a cross-origin isolated page.
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

export default defineConfig({
  base: './', // works in any folder of any host
  build: { target: 'esnext', modulePreload: false },
  worker: { format: 'es' },
  server: { headers },
  preview: { headers },
  plugins: [
    {
      name: 'copy-runtimes',
      configResolved: (config) => {
        if (config.mode !== 'test') copyRuntimes(here('node_modules'), here('public/runtime'));
      },
    },
  ],
  test: { include: ['test/**/*.test.ts'] },
});
