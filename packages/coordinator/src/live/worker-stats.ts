/**
 * How fast each worker has been over the last steps, and which of them the others wait for. Timing is noisy, so medians
 * decide, and one slow step accuses nobody.
 */
import { medianOf, type WorkerLane } from '@unet-fleet/law';

/** Steps that are looked back on. */
const numStepsKept = 20;
/** Fewer than these say nothing. */
const minSteps = 5;
/** A straggler's leaves take longer than the others' by both: what chance does, and what nobody would notice. */
const minDeviations = 3;
const minRatio = 1.25;
/** A median absolute deviation times this is a standard deviation, for normal noise. */
const madToDeviation = 1.4826;

export interface StepOfWorker extends Pick<WorkerLane, 'numLeaves' | 'startMs' | 'endMs'> {
  workerId: string;
  numImages: number;
}

interface Step {
  stepMs: number;
  /** When the last of the workers was done. */
  endMs: number;
  workers: Map<string, { numImages: number; leafMs: number; endMs: number }>;
}

export class WorkerStats {
  readonly #steps: Step[] = [];

  add(stepMs: number, workers: readonly StepOfWorker[]): void {
    const of = ({ numImages, numLeaves, startMs, endMs }: StepOfWorker) => ({
      numImages,
      leafMs: (endMs - startMs) / Math.max(1, numLeaves),
      endMs,
    });
    const endMs = workers.reduce((latest, worker) => Math.max(latest, worker.endMs), 0);
    const byId = new Map(workers.map((worker) => [worker.workerId, of(worker)]));
    this.#steps.push({ stepMs, endMs, workers: byId });
    if (this.#steps.length > numStepsKept) this.#steps.shift();
  }

  /** What the worker adds to the run's speed, since it first delivered; 0 before. */
  imagesPerSecond(workerId: string): number {
    const first = this.#steps.findIndex(({ workers }) => workers.has(workerId));
    if (first === -1) return 0;
    // A worker's first step takes longer than any later one: it counts until there is another.
    let numImages = 0;
    let ms = 0;
    for (let at = Math.min(first + 1, this.#steps.length - 1); at < this.#steps.length; at++) {
      const { stepMs, workers } = this.#steps[at]!;
      numImages += workers.get(workerId)?.numImages ?? 0;
      ms += stepMs;
    }
    return ms > 0 ? (numImages * 1_000) / ms : 0;
  }

  /** Median time of a leaf, from lease to answer; null for a worker without any. */
  leafMs(workerId: string): number | null {
    const times = this.#steps.flatMap(({ workers }) => workers.get(workerId)?.leafMs ?? []);
    return times.length > 0 ? medianOf(times) : null;
  }

  /**
   * Whether the worker was the last to answer in most of the steps that it shared with others, and its leaves take longer
   * than theirs by more than their own spread explains.
   */
  isStraggler(workerId: string): boolean {
    let numShared = 0;
    let numLast = 0;
    for (const { endMs, workers } of this.#steps) {
      const own = workers.size > 1 ? workers.get(workerId) : undefined;
      if (!own) continue;
      numShared++;
      if (own.endMs === endMs) numLast++;
    }
    // At most one or two of a thousand workers get beyond this.
    if (numShared < minSteps || numLast * 2 <= numShared) return false;
    const shared = this.#steps.filter(({ workers }) => workers.has(workerId) && workers.size > 1);
    const own = medianOf(shared.map(({ workers }) => workers.get(workerId)!.leafMs));
    const others = shared.flatMap(({ workers }) =>
      [...workers].flatMap(([other, { leafMs }]) => (other === workerId ? [] : leafMs)),
    );
    const usual = medianOf(others);
    const deviation = madToDeviation * medianOf(others.map((ms) => Math.abs(ms - usual)));
    return own > usual * minRatio && own > usual + minDeviations * deviation;
  }
}
