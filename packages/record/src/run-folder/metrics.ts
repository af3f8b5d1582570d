/**
 * metrics.jsonl: what the run told about itself, one JSON object a line, in order. A run that resumes from a checkpoint
 * computes the steps after it again, so their lines are dropped first and the file never holds a step twice; what has
 * happened once stays. A disk that fails costs no line that fits into memory until it is back.
 */
import { type Moment, stands } from '@unet-fleet/law';
import { explained, SteadyFile, type SteadyFileOptions } from '@unet-fleet/shared';
import { keepLines } from './json-lines.ts';

export interface MetricsOptions extends Pick<SteadyFileOptions, 'mayWrite'> {
  onWarning?(message: string): void;
}

export class MetricsFile {
  readonly #file: SteadyFile;

  /**
   * Opens the file for appending, dropping what will be told again after `reached` (all, for a new run: null) and a cut
   * last line. Throws a UserError if it can't be written.
   */
  constructor(path: string, reached: Moment | null, { onWarning, mayWrite }: MetricsOptions = {}) {
    try {
      keepLines(path, (line) => reached !== null && stands(line, reached));
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
