/**
 * metrics.jsonl: what the run told about itself, one JSON object a line, in order. A crash may cut the last line; a
 * run that resumes from a checkpoint computes the steps after it again, so their lines are dropped first and the file
 * never holds a step twice.
 */
import { userErrorOf } from '../checkpoint/files.ts';
import { JsonLinesFile, linesOf } from './json-lines.ts';

interface StepNumbers {
  /** Steps count from 1 in events: the n-th commit. */
  step?: number;
  firstStep?: number;
}

/** The lines of a metrics file; one that is cut or no JSON ends it. Missing file: none. */
export function readMetrics<Line extends object>(path: string): Line[] {
  const lines: Line[] = [];
  for (const { value } of linesOf(path)) {
    if (!isObject(value)) break;
    lines.push(value as Line);
  }
  return lines;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

export class MetricsFile {
  readonly #path: string;
  readonly #file: JsonLinesFile;

  /**
   * Opens the file for appending, dropping what came after `step` commits (0 for a new run) and a cut last line.
   * Throws a UserError if it can't be written.
   */
  constructor(path: string, step: number) {
    this.#path = path;
    const isEarlier = (line: unknown): boolean => {
      if (!isObject(line)) return false;
      const numbers: StepNumbers = line;
      return (numbers.step ?? 0) <= step && (numbers.firstStep ?? 0) <= step;
    };
    try {
      this.#file = new JsonLinesFile(path, isEarlier);
    } catch (error) {
      throw userErrorOf(error, 'its metrics', path);
    }
  }

  append(line: object): void {
    try {
      this.#file.append(line);
    } catch (error) {
      throw userErrorOf(error, 'its metrics', this.#path);
    }
  }

  close(): void {
    this.#file.close();
  }
}
