/**
 * metrics.jsonl: what the run told about itself, one JSON object a line, in order. A run that resumes from a checkpoint
 * computes the steps after it again, so their lines are dropped first and the file never holds a step twice; what has
 * happened once stays. A disk
 * that fails costs no line that fits into memory until it is back.
 */
import { explained, SteadyFile, type SteadyFileOptions } from '@unet-fleet/shared';
import { keepLines, linesOf } from './json-lines.ts';

/** What a run that goes on has behind it. */
export interface Past {
  /** Steps committed. */
  version: number;
  /** Of this version; then it is done again. */
  validationPending: boolean;
}

/** What lines say about the course of a run, as far as it is asked for here; see RunEvent. */
interface CourseLine {
  type?: string;
  /** From 1: the n-th commit. */
  step?: number;
  kind?: string;
  epoch?: number;
  numSteps?: number;
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

/** What happened once: that its step is computed again does not tell it again. */
const incidents: ReadonlySet<string | undefined> = new Set([
  'options-changed',
  'learning-rate-changed',
  'worker-late',
  'lease-repeated',
  'checkpoint-failed',
]);

/**
 * Whether the run that goes on will not tell this line again. Steps do not rise from line to line: a change of the rate
 * names a step to come, and a leaf that is left out the step that its round works for.
 */
function isPast(value: unknown, { version, validationPending }: Past): boolean {
  if (!isObject(value)) return true;
  const { type, step = 0, kind, epoch = 1, numSteps = 0, firstStep = 1 } = value as CourseLine;
  if (incidents.has(type)) return true;
  // It begins with a step of its epoch, in an event of its own for each start of the run.
  if (type === 'epoch-started') return (epoch - 1) * numSteps + firstStep <= version;
  const isSkippedInValidation = type === 'leaf-skipped' && kind === 'validation';
  const isOfValidation = isSkippedInValidation || type === 'validated' || type === 'evaluation-kept';
  const at = isSkippedInValidation ? step - 1 : step;
  return isOfValidation && validationPending ? at < version : at <= version;
}

export interface MetricsOptions extends Pick<SteadyFileOptions, 'mayWrite'> {
  onWarning?(message: string): void;
}

export class MetricsFile {
  readonly #file: SteadyFile;

  /**
   * Opens the file for appending, dropping what will be told again after `past` (all, for a new run: null) and a cut last
   * line. Throws a UserError if it can't be written.
   */
  constructor(path: string, past: Past | null, { onWarning, mayWrite }: MetricsOptions = {}) {
    try {
      keepLines(path, (value) => past !== null && isPast(value, past));
      this.#file = new SteadyFile(path, {
        mayWrite,
        onTrouble: (error) => {
          const { message } = explained(error, { what: 'its metrics', path: path }) as Error;
          onWarning?.(`${message}; the run goes on, and its metrics wait in memory`);
        },
        onRecovered: (numLost) => {
          const lost = numLost > 0 ? `; ${numLost} lines did not fit into memory and are lost` : '';
          onWarning?.(`${path} is written again${lost}`);
        },
      });
    } catch (error) {
      throw explained(error, { what: 'its metrics', path: path });
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
