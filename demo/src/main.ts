// Brings the page to life, and offers tests the same session that a person uses: window.pocketmoji.
import '@fontsource/noto-color-emoji/400.css';
import { readAddress } from './address';
import type { Answer, AnswerOptions, Info, LoadOptions } from './engine';
import { Interface } from './interface';
import { isolate } from './offline';
import { rememberChoice, rememberedChoice } from './preferences';
import { Session } from './session';
import { probeAdapter } from './webgpu';

declare global {
  interface Window {
    pocketmoji: {
      /** Resolves when load() may be called; with ?load=manual nothing is loaded before. */
      ready: Promise<void>;
      load(options: LoadOptions): Promise<Info>;
      answer(text: string, options?: Partial<AnswerOptions>): Promise<Answer[]>;
      info(): Info | null;
      probeAdapter: typeof probeAdapter;
    };
  }
}

const page = new Interface({
  answer: (text, onUpdate) => session.answer(text, { candidates: 3, memory: true }, onUpdate),
  retry: (options) => start(options),
});
const session = new Session((state) => page.show(state));

window.pocketmoji = {
  ready: Promise.resolve(),
  load: (options) => session.load(options),
  answer: (text, options) => session.answer(text, { candidates: 1, ...options }),
  info: () => session.info(),
  probeAdapter,
};

/** A failure needs no more handling here: the session has shown it. */
function start(options: LoadOptions): void {
  session.load({ ...options, remembered: rememberedChoice() }).then(({ choice }) => choice && rememberChoice(choice), () => undefined);
}

try {
  const { options, auto } = readAddress(location.search);
  // The words for who cannot run this are in index.html, and shown.
  if (auto && !document.documentElement.classList.contains('too-old')) void isolate().then(() => start({ ...options, keep: true }));
} catch (error) {
  page.show({ kind: 'failed', options: { model: 'model' }, error: error as Error });
}
