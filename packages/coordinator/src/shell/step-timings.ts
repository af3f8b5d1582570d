/**
 * Where the time of a step goes. Workers say what they spent on a node; the coordinator adds what it spent itself. A
 * step is as fast as its slowest worker, so of the workers' parts the longest counts.
 */
import type { StepTimings, WorkerTimings } from '@unet-fleet/shared';

export class StepClock {
  readonly #workers = new Map<string, WorkerTimings>();
  #reduceMs = 0;
  #optimizeMs = 0;

  /** A worker has finished a node of the step. */
  addNode(workerId: string, timings: WorkerTimings): void {
    const sum = this.#workers.get(workerId) ?? { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0 };
    sum.fetchMs += timings.fetchMs;
    sum.dataMs += timings.dataMs;
    sum.computeMs += timings.computeMs;
    sum.sendMs += timings.sendMs;
    this.#workers.set(workerId, sum);
  }

  addReduce(durationMs: number): void {
    this.#reduceMs += durationMs;
  }

  addOptimize(durationMs: number): void {
    this.#optimizeMs += durationMs;
  }

  /** The step's parts, and a clock at zero for the next. */
  take(): StepTimings {
    const longest = (part: keyof WorkerTimings) =>
      Math.max(0, ...Array.from(this.#workers.values(), (timings) => timings[part]));
    const timings: StepTimings = {
      broadcastMs: longest('fetchMs'),
      dataMs: longest('dataMs'),
      computeMs: longest('computeMs'),
      sendMs: longest('sendMs'),
      reduceMs: this.#reduceMs,
      optimizeMs: this.#optimizeMs,
    };
    this.#workers.clear();
    this.#reduceMs = 0;
    this.#optimizeMs = 0;
    return timings;
  }
}
