import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { copyRuntimes } from './runtime_files.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
// Threads in WebAssembly need a cross-origin isolated page.
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

const LOCAL_EMOJI = ['Apple Color Emoji', 'Segoe UI Emoji', 'Noto Color Emoji'].map((f) => `local('${f}')`).join(', ');

const filesOf = (folder: string) =>
  (readdirSync(here(folder), { recursive: true }) as string[]).filter((name) => /\.(ts|c|h)$/.test(name)).map((name) => `${folder}/${name}`);

function digest(files: string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(here(file)));
  return JSON.stringify(hash.digest('hex').slice(0, 12));
}

export default defineConfig({
  base: './', // works in any folder of any host
  define: {
    // The service worker's cache is of one set of runtimes; the pages' own files have digests in their names.
    __BUILD__: digest(['package-lock.json']),
    // Which engine is the fastest holds for one build of them all.
    __ENGINES__: digest(['package-lock.json', ...['src', 'decoder'].flatMap(filesOf)]),
  },
  build: {
    // The oldest that have what the page needs: index.html tells the others so. The runtimes come as their authors made them.
    target: ['chrome98', 'firefox114', 'safari16.4'],
    modulePreload: false,
    rollupOptions: {
      input: { index: here('index.html'), sw: here('src/sw.ts') },
      // A service worker keeps its name, and rules over the folder that it lies in.
      output: { entryFileNames: (chunk) => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
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
