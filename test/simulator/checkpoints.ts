/**
 * A simulated coordinator's checkpoints: the real snapshots of its reducers, and a writer that takes its time, one
 * checkpoint after another. It asks for the lock before what it has written becomes a checkpoint, as the product's does; a
 * crash before that leaves nothing of it.
 */
import type { Effect } from '@unet-fleet/coordinator/core/types';
import { Snapshots, type SnapshotsOptions } from '@unet-fleet/coordinator/shell/snapshots';
import { UserError } from '@unet-fleet/law';
import type { CheckpointContent, WriteResult } from '@unet-fleet/record';
import { pause } from '@unet-fleet/shared';
import type { Cluster } from './cluster.ts';
import { assertWeights } from './invariants.ts';
import type { SimulatedProcess } from './process.ts';
import type { Reference, Weights } from './reference.ts';
import { numParameters, numStatistics } from './toy.ts';

export interface CheckpointsOptions extends Pick<SnapshotsOptions, 'reducers' | 'numBatchesTracked'> {
  cluster: Cluster;
  process: SimulatedProcess;
  term: number;
  reference(): Reference;
}

export class Checkpoints {
  readonly #options: CheckpointsOptions;
  readonly #snapshots: Snapshots;
  /** When the writer has finished with what it was given. */
  #freeMs = 0;

  constructor(options: CheckpointsOptions) {
    const { cluster, process, term, reducers, numBatchesTracked } = options;
    this.#options = options;
    const { toy, weights } = cluster.reference;
    this.#snapshots = new Snapshots({
      model: { numParameters, numStatistics } as SnapshotsOptions['model'],
      plan: toy.plan,
      slotNames: weights[0]!.slots.map((_, i) => `slot ${i}`),
      reducers: {
        async save(state) {
          const lateMs = cluster.mutant?.snapshotsAfterMs;
          if (lateMs !== undefined) await pause(process, lateMs);
          await reducers.save(state);
        },
      },
      writer: { write: (content) => this.#write(content) },
      constantFacts: { term } as SnapshotsOptions['constantFacts'],
      engines: () => [],
      numBatchesTracked,
      mayWrite: () => cluster.disk.term === term,
      restoreFolder: () => {},
      onWarning: (message) => cluster.trace.note(process.name, () => `says: ${message}`),
      clock: process,
    });
  }

  /** As the run's record does: whether it is durable now, as it may have been left out. */
  async write(effect: Extract<Effect, { type: 'checkpoint' }>): Promise<boolean> {
    const { cluster, reference } = this.#options;
    const { version } = effect.progress;
    if (!reference().progress[version]?.includes(JSON.stringify(effect.progress))) {
      cluster.violate(
        'checkpoints',
        `the progress of version ${version} is ${JSON.stringify(effect.progress)}`,
      );
    }
    const saved = this.#snapshots.write(effect);
    if (cluster.mutant?.announcesEarly) {
      saved.catch(() => {});
      return true;
    }
    return (await saved) !== null;
  }

  /** The writer's thread. */
  #write({ facts, vectors }: CheckpointContent): Promise<WriteResult> {
    const { cluster, process, term } = this.#options;
    const { disk, mutant, nowMs, random, settings } = cluster;
    this.#freeMs = Math.max(nowMs, this.#freeMs) + random.between(1, settings.mostWriteMs);
    return new Promise((resolve, reject) => {
      process.after(this.#freeMs - nowMs, () => {
        if (disk.term > term && !mutant?.writesWithoutLock) {
          return reject(new UserError('another coordinator has taken over'));
        }
        if (disk.isFailing) return reject(new UserError('the disk is full'));
        this.#put(facts, vectors);
        const { version } = facts.progress;
        // Durable now, announced a moment later: a crash may come between.
        const result = { written: { step: version } as WriteResult['written'], writeMs: 0, warnings: [] };
        process.after(random.between(0, 2), () => resolve(result));
      });
    });
  }

  #put({ progress, numBatchesTracked }: CheckpointContent['facts'], vectors: Weights): void {
    const { cluster, term } = this.#options;
    const reference = this.#options.reference();
    const { version } = progress;
    if (cluster.disk.term > term) {
      cluster.violate('checkpoints', `term ${term} writes version ${version} though there is a later one`);
    }
    assertWeights(reference, version, vectors);
    if (numBatchesTracked !== reference.numBatchesTracked[version]) {
      cluster.violate('checkpoints', `version ${version} counts ${numBatchesTracked} batches`);
    }
    cluster.disk.write({ version, term, weights: copyOf(vectors), progress, numBatchesTracked });
  }
}

const copyOf = ({ parameters, statistics, slots }: Weights): Weights => ({
  parameters: parameters.slice(),
  statistics: statistics.slice(),
  slots: slots.map((slot) => slot.slice()),
});
