/**
 * Where the time of a step goes. Workers say what they spent on a node; the coordinator adds what it spent itself. A step
 * is as fast as its slowest worker, so of the workers' parts the longest counts; and only answers that count are in them.
 */
import type { StepTimings } from '@unet-fleet/law';
import type { LaneOfWorker } from './step-lanes.ts';

/** The coordinator's own parts. */
export type OwnTimings = Pick<StepTimings, 'reduceMs' | 'optimizeMs'>;

export class StepClock {
  #own: OwnTimings = { reduceMs: 0, optimizeMs: 0 };

  add(part: keyof OwnTimings, durationMs: number): void {
    this.#own[part] += durationMs;
  }

  /** The step's parts, and a clock at zero for the next. */
  take(): OwnTimings {
    const own = this.#own;
    this.#own = { reduceMs: 0, optimizeMs: 0 };
    return own;
  }
}

export function stepTimings(lanes: readonly LaneOfWorker[], own: OwnTimings): StepTimings {
  const longest = (part: 'fetchMs' | 'dataMs' | 'computeMs' | 'sendMs') =>
    Math.max(0, ...lanes.map((lane) => lane[part]));
  return {
    fetchMs: longest('fetchMs'),
    dataMs: longest('dataMs'),
    computeMs: longest('computeMs'),
    sendMs: longest('sendMs'),
    ...own,
  };
}
