// The settings below the answers: skin tone and history. Both live on this device only (preferences.ts).
import { emptyHistory, history, keepsHistory, setKeepsHistory, setTone, tone } from './preferences';
import { TONES, withTone } from './skin_tone';

interface Actions {
  toneChanged(): void;
  again(text: string): void;
}

const NAMES = ['as the model says', 'light', 'medium-light', 'medium', 'medium-dark', 'dark'];

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;

export class Settings {
  constructor(private actions: Actions) {
    element('tones').append(...TONES.map((value, i) => this.choice(value, NAMES[i]!)));
    const keep = element<HTMLInputElement>('keep-history');
    keep.addEventListener('change', () => {
      setKeepsHistory(keep.checked);
      this.refresh();
    });
    element('empty-history').addEventListener('click', () => {
      emptyHistory();
      this.refresh();
      keep.focus(); // the button has gone
    });
    this.refresh();
  }

  private choice(value: string, name: string): HTMLLabelElement {
    const input = document.createElement('input');
    input.type = 'radio';
    input.name = 'tone';
    input.value = value;
    input.checked = tone() === value;
    input.setAttribute('aria-label', name);
    input.addEventListener('change', () => {
      setTone(value);
      this.actions.toneChanged();
    });
    const label = document.createElement('label');
    label.title = name;
    label.append(input, withTone('✋', value));
    return label;
  }

  /** Shows the history as it is stored now. */
  refresh(): void {
    const past = history();
    element<HTMLInputElement>('keep-history').checked = keepsHistory();
    element('history').hidden = past.length === 0;
    element('history-count').textContent = String(past.length);
    element('history-list').replaceChildren(
      ...past.map(({ text, answer }) => {
        const button = document.createElement('button');
        button.type = 'button';
        button.textContent = `${answer} ${text}`;
        button.addEventListener('click', () => this.actions.again(text));
        const item = document.createElement('li');
        item.append(button);
        return item;
      }),
    );
  }
}
