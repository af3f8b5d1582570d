/**
 * A simulated coordinator's checkpoints: the real snapshots over the simulated reducers, and a writer that takes its
 * time, one checkpoint after another. A crash before the end of a write leaves nothing of it; a coordinator that was
 * replaced writes nothing.
 */

import type { Effect } from '@unet-fleet/coordinator/core/types';
import type { ModelState } from '@unet-fleet/coordinator/reducer/bucket-owner';
import { Snapshots, type SnapshotsOptions } from '@unet-fleet/coordinator/shell/snapshots';
import { UserError } from '@unet-fleet/law';
import type { CheckpointContent, WriteResult } from '@unet-fleet/record';
import type { Cluster } from './cluster.ts';
import { assertWeights } from './invariants.ts';
import type { SimulatedProcess } from './process.ts';
import type { Reducers } from './reducers.ts';
import type { Reference } from './reference.ts';
import { numParameters, numStatistics } from './toy.ts';

type Outcome = 'written' | 'left-out' | 'failed';
type CheckpointEffect = Extract<Effect, { type: 'checkpoint' }>;

/** The last checkpoint is tried again for a while: here, because the product waits by the real clock. */
const retryMs = 700;
const maxTries = 4;

export class Checkpoints {
  readonly #cluster: Cluster;
  readonly #process: SimulatedProcess;
  readonly #term: number;
  readonly #reference: () => Reference;
  readonly #snapshots: Snapshots;
  /** When the writer has finished with what it was given. */
  #freeMs = 0;

  constructor(
    cluster: Cluster,
    process: SimulatedProcess,
    reducers: Reducers,
    term: number,
    reference: () => Reference,
    numBatchesTracked: () => number,
  ) {
    this.#reference = reference;
    this.#cluster = cluster;
    this.#process = process;
    this.#term = term;
    const { plan } = cluster.reference.toy;
    this.#snapshots = new Snapshots({
      model: { numParameters, numStatistics } as SnapshotsOptions['model'],
      plan,
      slotNames: cluster.reference.weights[0]!.slots.map((_, i) => `slot ${i}`),
      reducers: { save: (vectors) => reducers.snapshot(vectors) },
      writer: { write: (content) => this.#write(content) },
      constantFacts: { term } as SnapshotsOptions['constantFacts'],
      engines: () => [],
      numBatchesTracked,
      mayWrite: () => !this.#isFenced,
      restoreFolder: () => {},
      onWarning: () => {},
      pausesMs: [],
    });
  }

  get #isFenced(): boolean {
    return this.#cluster.disk.term > this.#term;
  }

  /** A promise whose settling is followed up before the next event. */
  #promise<T>(begin: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const settled = () => {
        this.#cluster.hasSettled = true;
      };
      begin(
        (value) => {
          resolve(value);
          settled();
        },
        (error) => {
          reject(error);
          settled();
        },
      );
    });
  }

  write(effect: CheckpointEffect, done: (outcome: Outcome) => void, numTries = 1): void {
    const { mutant } = this.#cluster;
    const reference = this.#reference();
    const { version } = effect.progress;
    if (!reference.progress[version]?.includes(JSON.stringify(effect.progress))) {
      this.#cluster.violate(
        'checkpoints',
        `the progress of version ${version} is ${JSON.stringify(effect.progress)}`,
      );
    }
    if (mutant?.announcesEarly) {
      this.#process.after(0, () => done('written'));
    }
    const settle = (outcome: Outcome) => {
      if (outcome === 'failed' && effect.isFinal && numTries < maxTries && !this.#isFenced) {
        this.#process.after(retryMs, () => this.write(effect, done, numTries + 1));
      } else if (!mutant?.announcesEarly) {
        done(outcome);
      }
    };
    const next = (outcome: Outcome) => this.#process.after(0, () => settle(outcome));
    this.#snapshots.write(effect).then(
      (saved) => next(saved ? 'written' : 'left-out'),
      (error) => {
        if (error instanceof UserError) next('failed');
        else this.#process.after(0, () => this.#cluster.violate('exceptions', `${(error as Error).stack}`));
      },
    );
    this.#cluster.hasSettled = true;
  }

  /** The writer's thread. */
  #write({ facts, vectors }: CheckpointContent): Promise<WriteResult> {
    const { disk, random, settings } = this.#cluster;
    const { progress, numBatchesTracked } = facts;
    const { version } = progress;
    const beginMs = Math.max(this.#cluster.nowMs, this.#freeMs);
    this.#freeMs = beginMs + random.between(1, settings.mostWriteMs);
    return this.#promise((resolve, reject) => {
      this.#process.after(this.#freeMs - this.#cluster.nowMs, () => {
        if (this.#isFenced || disk.isFailing) {
          reject(new UserError(this.#isFenced ? 'another coordinator has taken over' : 'the disk is full'));
          return;
        }
        const reference = this.#reference();
        assertWeights(reference, version, vectors);
        if (numBatchesTracked !== reference.numBatchesTracked[version]) {
          this.#cluster.violate('checkpoints', `version ${version} counts ${numBatchesTracked} batches`);
        }
        disk.write({ version, term: this.#term, weights: copyOf(vectors), progress, numBatchesTracked });
        // Durable now, announced a moment later: a crash may come between.
        this.#process.after(random.between(0, 2), () =>
          resolve({ written: { step: version } as WriteResult['written'], writeMs: 0, warnings: [] }),
        );
      });
    });
  }
}

const copyOf = ({ parameters, statistics, slots }: ModelState): ModelState => ({
  parameters: parameters.slice(),
  statistics: statistics.slice(),
  slots: slots.map((slot) => slot.slice()),
});
