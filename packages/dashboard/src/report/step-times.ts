/** Where the time of the steps went, added up over a run: for a step as a whole, and for each worker. */

import type { RecordedOf } from '@unet-fleet/law';
import {
  busyMs,
  type Part,
  type WorkerTimes as PartTimes,
  parts,
  WaitSums,
  workerParts,
} from '@unet-fleet/pictures/models/step-parts';

/** Sums over the steps whose parts were recorded. */
export interface TimeSplit {
  numSteps: number;
  numImages: number;
  totalMs: number;
  /** Of steps without their parts, as older versions wrote them, nothing is in here. */
  parts: { name: Part; ms: number }[];
}

export interface WorkerTimes extends PartTimes {
  worker: string;
  numSteps: number;
  numLeaves: number;
  /** Between its first lease and its last answer of a step, without the parts above. */
  waitMs: number;
  /** Of the whole of its steps. */
  waits: WaitSums;
}

/** Workers that are told apart; a run of names without end has the rest left out. */
const maxWorkers = 2_000;

export class StepTimes {
  readonly #workers = new Map<string, WorkerTimes>();
  readonly #parts = new Map<Part, number>();
  #numSteps = 0;
  #numImages = 0;
  #totalMs = 0;

  add({ stepMs, numImages, timings, workers = [] }: RecordedOf<'step'>): void {
    this.#numSteps++;
    this.#numImages += numImages;
    this.#totalMs += stepMs;
    if (timings) this.#addParts(stepMs, timings);
    for (const lane of workers) this.#addLane(lane, stepMs);
  }

  /** Parts overlap where gradients are added while others still compute, so the rest is never below 0. */
  #addParts(stepMs: number, timings: NonNullable<RecordedOf<'step'>['timings']>): void {
    let leftMs = Math.max(0, stepMs);
    // Where they overlap, those first that a step is made for.
    for (const name of ['compute', 'fetch', 'data', 'send', 'optimize', 'reduce'] as const) {
      const counted = Math.min(Math.max(0, timings[`${name}Ms`] ?? 0), leftMs);
      leftMs -= counted;
      this.#parts.set(name, (this.#parts.get(name) ?? 0) + counted);
    }
    this.#parts.set('wait', (this.#parts.get('wait') ?? 0) + leftMs);
  }

  #addLane(lane: NonNullable<RecordedOf<'step'>['workers']>[number], stepMs: number): void {
    const { worker, numLeaves, startMs, endMs } = lane;
    let own = this.#workers.get(worker);
    if (!own) {
      if (this.#workers.size >= maxWorkers) return;
      const none = { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0, waitMs: 0 };
      own = { worker, numSteps: 0, numLeaves: 0, ...none, waits: new WaitSums() };
      this.#workers.set(worker, own);
    }
    own.numSteps++;
    own.numLeaves += numLeaves;
    for (const part of workerParts) own[`${part}Ms`] += lane[`${part}Ms`];
    own.waitMs += Math.max(0, endMs - startMs - busyMs(lane));
    own.waits.add(lane, stepMs);
  }

  end(): { steps: TimeSplit; workers: WorkerTimes[] } {
    return {
      steps: {
        numSteps: this.#numSteps,
        numImages: this.#numImages,
        totalMs: this.#totalMs,
        parts: parts.flatMap((name) => {
          const ms = this.#parts.get(name);
          return ms === undefined ? [] : [{ name, ms }];
        }),
      },
      workers: [...this.#workers.values()].sort((a, b) => b.numLeaves - a.numLeaves),
    };
  }
}
