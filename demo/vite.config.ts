import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { copyRuntimes } from './runtime_files.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
// Threads in WebAssembly need a cross-origin isolated page.
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

const LOCAL_EMOJI = ['Apple Color Emoji', 'Segoe UI Emoji', 'Noto Color Emoji'].map((f) => `local('${f}')`).join(', ');

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
    {
      // A device with emoji of its own shows those; the font is fetched, slice by slice, only where there are none.
      name: 'own-emoji-first',
      enforce: 'pre',
      transform: (code, id) =>
        id.includes('noto-color-emoji')
          ? code.replace(/src: (url\(\S+\) format\('woff2'\)).*?;/g, (_, woff2: string) => `src: ${LOCAL_EMOJI}, ${woff2};`)
          : undefined,
    },
  ],
  test: { include: ['test/**/*.test.ts'] },
});
