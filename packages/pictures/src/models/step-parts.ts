/**
 * What the time of a step is spent on, a worker's part of it and the coordinator's. Events, tables and metrics name the
 * parts so, with Ms behind where they are milliseconds. Pure.
 */

/** In their order: weights fetched and applied, waiting for photos, forward and backward pass, gradients handed over. */
export const workerParts = ['fetch', 'data', 'compute', 'send'] as const;
/** Gradients added, weights updated. */
export const coordinatorParts = ['reduce', 'optimize'] as const;
/** In the order in which a step goes through them. */
export const parts = [...workerParts, ...coordinatorParts, 'wait'] as const;

export type Part = (typeof parts)[number];

/** What a worker told of its step, in ms. */
export type WorkerTimes = Record<`${(typeof workerParts)[number]}Ms`, number>;

/** In their order; parts that ran beside each other can be longer together than the span they lie in. */
export const busyParts = (times: WorkerTimes): [Part, ms: number][] =>
  workerParts.map((part) => [part, times[`${part}Ms`]]);

export const busyMs = (times: WorkerTimes): number => busyParts(times).reduce((sum, [, ms]) => sum + ms, 0);

/**
 * Why a worker does not compute within a step: its photos are not loaded yet, its weights are not there yet, or others are
 * at work, be it workers whose leaves take longer or the coordinator, whose next lease it waits for.
 */
export const waitReasons = ['data', 'weights', 'others'] as const;
export type WaitReason = (typeof waitReasons)[number];
export type Waits = Record<WaitReason, number>;

/** In ms, of a worker in a step of `stepMs`. */
export const waitsOf = (times: WorkerTimes, stepMs: number): Waits => ({
  data: times.dataMs,
  weights: times.fetchMs,
  others: Math.max(0, stepMs - busyMs(times)),
});

/** Added up over steps and workers, and what they are shares of. */
export class WaitSums {
  readonly ms: Waits = { data: 0, weights: 0, others: 0 };
  totalMs = 0;

  add(times: WorkerTimes, stepMs: number): void {
    const waits = waitsOf(times, stepMs);
    for (const reason of waitReasons) this.ms[reason] += waits[reason];
    this.totalMs += stepMs;
  }

  /** Such as "waits 0.4 % for data, 2.1 % for weights, 6.0 % for others"; '' before the first step. */
  inWords(): string {
    if (!(this.totalMs > 0)) return '';
    const share = (reason: WaitReason) => `${((100 * this.ms[reason]) / this.totalMs).toFixed(1)} %`;
    return `waits ${waitReasons.map((reason) => `${share(reason)} for ${reason}`).join(', ')}`;
  }
}
