/**
 * metrics.jsonl: what the run told about itself, one JSON object a line, in order. A run that resumes from a checkpoint
 * computes the steps after it again, so their lines are dropped first and the file never holds a step twice. A disk
 * that fails costs no line that fits into memory until it is back.
 */
import { SteadyFile, type SteadyFileOptions } from '@unet-fleet/shared';
import { userErrorOf } from '../checkpoint/files.ts';
import { keepLines, linesOf } from './json-lines.ts';

interface StepNumbers {
  /** Steps count from 1 in events: the n-th commit. */
  step?: number;
  firstStep?: number;
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The lines of a metrics file; those that are cut or no JSON objects are passed over. Missing file: none. */
export function readMetrics<Line extends object>(path: string): Line[] {
  const lines: Line[] = [];
  for (const { value } of linesOf(path)) if (isObject(value)) lines.push(value as Line);
  return lines;
}

/** Whether a line was written before or at the commit `step`. */
function isUpTo(step: number, value: unknown): boolean {
  if (!isObject(value)) return true;
  const { step: at = 0, firstStep = 0 } = value as StepNumbers;
  return at <= step && firstStep <= step;
}

export interface MetricsOptions extends Pick<SteadyFileOptions, 'mayWrite'> {
  onWarning?(message: string): void;
}

export class MetricsFile {
  readonly #file: SteadyFile;

  /**
   * Opens the file for appending, dropping what came after `step` commits (0 for a new run) and a cut last line.
   * Throws a UserError if it can't be written.
   */
  constructor(path: string, step: number, { onWarning, mayWrite }: MetricsOptions = {}) {
    try {
      keepLines(path, (value) => isUpTo(step, value));
      this.#file = new SteadyFile(path, {
        mayWrite,
        onTrouble: (error) => {
          const { message } = userErrorOf(error, 'its metrics', path) as Error;
          onWarning?.(`${message}; the run goes on, and its metrics wait in memory`);
        },
        onRecovered: (numLost) => {
          const lost = numLost > 0 ? `; ${numLost} lines did not fit into memory and are lost` : '';
          onWarning?.(`${path} is written again${lost}`);
        },
      });
    } catch (error) {
      throw userErrorOf(error, 'its metrics', path);
    }
  }

  /** Never throws: see SteadyFile. */
  append(line: object): void {
    this.#file.append(`${JSON.stringify(line)}\n`);
  }

  close(): void {
    this.#file.close();
  }
}
