// What a person sees and touches. Knows nothing of engines: it shows states and answers, and asks through two callbacks.
import type { Answer, Info, LoadOptions, OnUpdate } from './engine';
import { keepsSettings, remember, tone } from './preferences';
import type { State } from './session';
import { Settings } from './settings';
import { withTone } from './skin_tone';
import { badge, explain, fault, megabytes, notices, progress, timing } from './wording';

interface Actions {
  answer(text: string, onUpdate: OnUpdate): Promise<Answer[]>;
  retry(options: LoadOptions): void;
}

const CANDIDATES = 3;

function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found as T;
}

export class Interface {
  private text = element<HTMLInputElement>('text');
  private go = element<HTMLButtonElement>('go');
  private list = element<HTMLOListElement>('candidates');
  private status = element('status');
  private ready = false;
  private busy = false;
  private wanted = false; // Enter was pressed while the model was still loading
  private retryOptions: LoadOptions | undefined;
  private answers: Answer[] = [];
  private settings = new Settings({
    toneChanged: () => this.showAnswers(this.answers),
    again: (text) => {
      this.text.value = text;
      void this.translate();
    },
  });

  constructor(private actions: Actions) {
    element<HTMLFormElement>('form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.translate();
    });
    element('retry').addEventListener('click', () => this.retryOptions && this.actions.retry(this.retryOptions));
    document.addEventListener('keydown', (event) => this.key(event));
  }

  /** Follows the session from download to readiness or failure. */
  show(state: State): void {
    element('loading').hidden = state.kind !== 'loading';
    element('problem').hidden = state.kind !== 'failed';
    element('badge').hidden = state.kind !== 'ready';
    this.ready = state.kind === 'ready';
    this.refresh();
    if (state.kind === 'loading') this.showDownload(state);
    if (state.kind === 'failed') this.showProblem(state.error.message, state.options);
    if (state.kind === 'ready') {
      this.showInfo(state.info);
      if (this.wanted) void this.translate();
    }
  }

  private showInfo(info: Info): void {
    element('badge').textContent = badge(info);
    const notice = element('notice');
    notice.textContent = notices(info, keepsSettings()).join(' ');
    notice.hidden = notice.textContent === '';
    const from = info.from_store ? 'from this device' : 'loaded';
    this.say(`Ready: ${megabytes(info.bytes)} ${from} in ${info.load_seconds.toFixed(1)} s`);
  }

  private showDownload(state: Extract<State, { kind: 'loading' }>): void {
    const { download } = state;
    const bar = element<HTMLProgressElement>('loading-bar');
    const done = download !== null && download.total > 0 && download.loaded >= download.total;
    element('loading-label').textContent = done ? 'Unpacking your model' : 'Getting your model';
    if (!download || download.total === 0 || done) {
      bar.removeAttribute('value');
    } else {
      bar.max = download.total;
      bar.value = download.loaded;
    }
    element('loading-bytes').textContent = download ? progress(download.loaded, download.total) : '';
  }

  private showProblem(error: string, options: LoadOptions): void {
    const { title, help, offerWasm, retry } = explain(error);
    element('problem-title').textContent = title;
    element('problem-help').textContent = help;
    element('problem-detail').textContent = error;
    const other = element<HTMLAnchorElement>('other-device');
    other.hidden = !offerWasm;
    other.href = `?${new URLSearchParams({ model: options.model, device: 'wasm' })}`;
    element('retry').hidden = !retry;
    this.retryOptions = options;
  }

  private async translate(): Promise<void> {
    const text = this.text.value.trim();
    if (!text || this.busy) return;
    if (!this.ready) {
      this.wanted = true;
      this.say('Your text is next, as soon as the model is here.');
      return;
    }
    this.wanted = false;
    this.busy = true;
    this.refresh();
    this.list.replaceChildren(...Array.from({ length: CANDIDATES }, placeholder));
    element('timing').textContent = '';
    this.say('Thinking');
    let told = false;
    try {
      const answers = await this.actions.answer(text, ({ index, raw, answer }) => {
        this.list.children[index]?.replaceWith(answer ? this.candidate(answer, index) : growing(raw));
        if (answer && index === 0) {
          told = true;
          this.first(text, answer);
        }
      });
      this.showAnswers(answers);
      if (!told && answers[0]) this.first(text, answers[0]);
      element('timing').textContent = answers.map(timing).find(Boolean) ?? ''; // what is recalled took no time
      const count = answers.length;
      this.say(count === 1 ? 'One answer' : `${count} answers. Press 1 to ${count} to copy one.`);
      remember({ text, answer: answers[0]?.raw ?? '' });
      this.settings.refresh();
    } catch (error) {
      this.showAnswers([]);
      this.say(`That did not work: ${(error as Error).message}`);
    } finally {
      this.busy = false;
      this.refresh();
    }
  }

  /** Shows these answers and no others; the focus stays where it is. */
  private showAnswers(answers: Answer[]): void {
    const focused = [...this.list.children].findIndex((item) => item.contains(document.activeElement));
    this.answers = answers;
    this.list.replaceChildren(...answers.map((answer, index) => this.candidate(answer, index)));
    if (focused >= 0) this.list.querySelectorAll('button')[focused]?.focus({ preventScroll: true });
  }

  /** The first answer is there. The focus goes to it, so that 1, 2, 3 copy, unless the person has typed on. */
  private first(text: string, answer: Answer): void {
    element('timing').textContent = timing(answer);
    if (document.activeElement === this.text && this.text.value.trim() !== text) return;
    this.list.querySelector('button')?.focus({ preventScroll: true });
  }

  private candidate(answer: Answer, index: number): HTMLLIElement {
    const problem = fault(answer);
    const shown = problem ? answer.raw : withTone(answer.raw, tone());
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'candidate';
    button.dataset['raw'] = answer.raw; // what the model said, whatever is shown
    const raw = document.createElement('span');
    raw.className = 'raw';
    raw.textContent = shown || '(empty)';
    const note = document.createElement('span');
    note.className = 'note';
    const own = index === 0 ? 'first choice' : 'another idea';
    const choice = answer.from_memory === undefined ? own : 'from your list';
    note.textContent = problem ?? (shown === answer.raw ? choice : `${choice}, in your skin tone`);
    const key = document.createElement('kbd');
    key.textContent = String(index + 1);
    button.append(raw, note, key);
    button.addEventListener('click', () => void this.copy(button, shown));
    const item = document.createElement('li');
    item.classList.toggle('faulty', problem !== null);
    item.append(button);
    return item;
  }

  private async copy(button: HTMLElement, raw: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(raw);
    } catch {
      this.say('The browser refused to copy. Select the answer and copy it by hand.');
      return;
    }
    for (const other of this.list.querySelectorAll('.copied')) other.classList.remove('copied');
    button.classList.add('copied');
    setTimeout(() => button.classList.remove('copied'), 1600);
    this.say(`Copied ${raw}`);
  }

  /** 1, 2, 3 copy while the text field has not the focus, with Alt anywhere; Escape and / lead back to the text. */
  private key(event: KeyboardEvent): void {
    const typing = document.activeElement instanceof HTMLInputElement && document.activeElement.type === 'text';
    const digit = /^Digit([1-9])$/.exec(event.code)?.[1] ?? (/^[1-9]$/.test(event.key) ? event.key : undefined);
    if (digit && !event.ctrlKey && !event.metaKey && (event.altKey || !typing)) {
      const button = this.list.querySelectorAll<HTMLButtonElement>('button.candidate')[Number(digit) - 1];
      if (!button) return;
      event.preventDefault();
      button.focus();
      button.click();
    } else if (event.key === 'Escape' || (event.key === '/' && !typing)) {
      event.preventDefault();
      this.text.focus();
      this.text.select();
    }
  }

  private refresh(): void {
    // Not disabled: Enter in the field would do nothing then, and a text may wait for the model.
    this.go.setAttribute('aria-disabled', String(!this.ready || this.busy));
    this.list.setAttribute('aria-busy', String(this.busy));
  }

  private say(message: string): void {
    this.status.textContent = message;
  }
}

function placeholder(): HTMLLIElement {
  const item = document.createElement('li');
  item.className = 'placeholder';
  item.setAttribute('aria-hidden', 'true');
  item.append(...Array.from({ length: 3 }, () => document.createElement('i')));
  return item;
}

/** An answer that is still being said. */
function growing(raw: string): HTMLLIElement {
  const item = document.createElement('li');
  item.className = 'growing';
  item.textContent = raw;
  return item;
}
