/**
 * The time of whoever looks for a file in shared memory again and again: a look that would find what the one before has
 * found is left out, as it changes nothing and most of a schedule's events would be such. What it keeps true: after the
 * file was written, there is a look as soon as one would have come of looks at even intervals, so there is as much time
 * for what may happen in between.
 */
import type { Clock } from '@unet-fleet/shared';
import type { ToyTmpfs } from './bulk.ts';
import type { SimulatedProcess } from './process.ts';

export class LookClock implements Clock {
  readonly #process: SimulatedProcess;
  readonly #tmpfs: ToyTmpfs;

  constructor(process: SimulatedProcess, tmpfs: ToyTmpfs) {
    this.#process = process;
    this.#tmpfs = tmpfs;
  }

  now(): number {
    return this.#process.now();
  }

  /** To be called right after a look, before the one that comes so many ms later, or later still. */
  after(ms: number, look: () => void): () => void {
    const { world } = this.#process;
    const sinceMs = world.nowMs;
    let isWanted = true;
    this.#tmpfs.whenWritten(() => {
      const waitedMs = world.nowMs - sinceMs;
      this.#process.after(Math.max(1, Math.ceil(waitedMs / ms)) * ms - waitedMs, () => {
        if (isWanted) look();
      });
    });
    return () => {
      isWanted = false;
    };
  }

  every(ms: number, work: () => void): () => void {
    return this.#process.every(ms, work);
  }
}
