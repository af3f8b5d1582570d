/**
 * metrics.jsonl: what the run told about itself, one JSON object a line, in order. A crash may cut the last line; a
 * run that resumes from a checkpoint computes the steps after it again, so their lines are dropped first and the file
 * never holds a step twice.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { realFiles, replaceFile, userErrorOf } from '../checkpoint/files.ts';

interface StepNumbers {
  /** Steps count from 1 in events: the n-th commit. */
  step?: number;
  firstStep?: number;
}

/** The lines of a metrics file; one that is cut or no JSON ends it. Missing file: none. */
export function readMetrics<Line extends object>(path: string): Line[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const lines: Line[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    try {
      lines.push(JSON.parse(line));
    } catch {
      break;
    }
  }
  return lines;
}

export class MetricsFile {
  readonly #path: string;
  readonly #file: number;

  /**
   * Opens the file for appending, dropping what came after `step` commits (0 for a new run) and a cut last line.
   * Throws a UserError if it can't be written.
   */
  constructor(path: string, step: number) {
    this.#path = path;
    try {
      const lines = readMetrics<StepNumbers>(path);
      const later = lines.findIndex((line) => (line.step ?? 0) > step || (line.firstStep ?? 0) > step);
      const kept = later === -1 ? lines : lines.slice(0, later);
      const text = kept.map((line) => `${JSON.stringify(line)}\n`).join('');
      replaceFile(dirname(path), basename(path), text, realFiles);
      this.#file = openSync(path, 'a');
    } catch (error) {
      throw userErrorOf(error, 'its metrics', path);
    }
  }

  append(line: object): void {
    try {
      writeSync(this.#file, `${JSON.stringify(line)}\n`);
    } catch (error) {
      throw userErrorOf(error, 'its metrics', this.#path);
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}
