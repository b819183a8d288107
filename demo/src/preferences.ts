// What stays on this device: the skin tone, the engine that was found to be the fastest, and a history if the person has
// asked for one. Nothing else, nowhere else.
import type { Choice } from './engine';

export interface Past {
  text: string;
  answer: string;
}

const TONE = 'pocketmoji.tone';
const CHOICE = 'pocketmoji.engine';
const KEEP = 'pocketmoji.keep-history';
const HISTORY = 'pocketmoji.history';
const LONGEST = 50;

// Where storage is forbidden: what would have been kept, for this visit.
const thisVisit = new Map<string, string | null>();

function read(name: string): string | null {
  if (thisVisit.has(name)) return thisVisit.get(name)!;
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
    thisVisit.delete(name);
  } catch {
    thisVisit.set(name, value);
  }
}

/** False where this browser keeps no settings for the page. */
export function keepsSettings(): boolean {
  try {
    return typeof localStorage.getItem(TONE) !== 'undefined';
  } catch {
    return false;
  }
}

export const tone = () => read(TONE) ?? '';
export const setTone = (value: string) => write(TONE, value || null);

export const rememberChoice = (choice: Choice) => write(CHOICE, JSON.stringify(choice));

export function rememberedChoice(): Choice | null {
  try {
    return JSON.parse(read(CHOICE) ?? 'null') as Choice | null;
  } catch {
    return null;
  }
}

export const keepsHistory = () => read(KEEP) === 'yes';

/** Without a history nothing of an earlier one stays. */
export function setKeepsHistory(keep: boolean): void {
  write(KEEP, keep ? 'yes' : null);
  if (!keep) emptyHistory();
}

export function history(): Past[] {
  try {
    const found: unknown = JSON.parse(read(HISTORY) ?? '[]');
    return Array.isArray(found) ? (found as Past[]).filter((past) => typeof past?.text === 'string') : [];
  } catch {
    return [];
  }
}

/** Newest first, each text once. Does nothing unless the person keeps a history. */
export function remember(past: Past): void {
  if (!keepsHistory()) return;
  const others = history().filter(({ text }) => text !== past.text);
  write(HISTORY, JSON.stringify([past, ...others].slice(0, LONGEST)));
}

export const emptyHistory = () => write(HISTORY, null);
