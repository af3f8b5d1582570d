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
