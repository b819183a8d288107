// The messages between the page and the worker.
import type { Answer, AnswerOptions, Download, Info, LoadOptions, Update } from './engine';

export type Request =
  | { id: number; kind: 'load'; root: string; options: LoadOptions }
  | { id: number; kind: 'answer'; text: string; options: AnswerOptions };

export type Reply =
  | { id: number; kind: 'download'; download: Download }
  | { id: number; kind: 'update'; update: Update }
  | { id: number; kind: 'done'; result: Info | Answer[] }
  | { id: number; kind: 'failed'; error: string }
  /** No reply to anything: the GPU's device is gone, and whatever runs on it never answers again. */
  | { id: -1; kind: 'lost'; reason: string };
