/** What the time of a step is spent on, a worker's part of it and the coordinator's. Pure. */

/** weights: fetched and applied · data: waiting for photos · send: gradients handed over · reduce: gradients added. */
export type Part = 'weights' | 'data' | 'compute' | 'send' | 'reduce' | 'optimize' | 'wait';

/** In the order in which a step goes through them. */
export const parts: readonly Part[] = ['weights', 'data', 'compute', 'send', 'reduce', 'optimize', 'wait'];

/** What a worker told of its step, in ms. */
export interface WorkerTimes {
  fetchMs: number;
  dataMs: number;
  computeMs: number;
  sendMs: number;
}

/** In their order; parts that ran beside each other can be longer together than the span they lie in. */
export const busyParts = ({ fetchMs, dataMs, computeMs, sendMs }: WorkerTimes): [Part, ms: number][] => [
  ['weights', fetchMs],
  ['data', dataMs],
  ['compute', computeMs],
  ['send', sendMs],
];

export const busyMs = (times: WorkerTimes): number => busyParts(times).reduce((sum, [, ms]) => sum + ms, 0);
