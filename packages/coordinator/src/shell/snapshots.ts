/**
 * From an effect "checkpoint" to a durable one: a snapshot of the reducers between two steps, written beside
 * training. Snapshots cost memory, so their number is bounded: when the disk is slower than the cadence, a checkpoint
 * that nothing depends on is left out and said so.
 */
import { type ModelDescription, type PlanConfig, stepsPerEpoch } from '@unet-fleet/shared';
import type { CheckpointFacts } from '../checkpoint/manifest.ts';
import type { WrittenCheckpoint } from '../checkpoint/write.ts';
import type { CheckpointWriter } from '../checkpoint/writer.ts';
import type { Effect } from '../core/types.ts';
import type { ReducerPool } from '../reducer/pool.ts';
import type { ModelState } from '../reducer/protocol.ts';

const maxPending = 2;

export interface SnapshotsOptions {
  model: ModelDescription;
  plan: PlanConfig;
  slotNames: readonly string[];
  reducers: ReducerPool;
  writer: CheckpointWriter;
  /** All of the manifest that does not change from checkpoint to checkpoint. */
  constantFacts: Omit<
    CheckpointFacts,
    'progress' | 'epoch' | 'stepInEpoch' | 'engines' | 'numBatchesTracked'
  >;
  engines(): CheckpointFacts['engines'];
  numBatchesTracked(): number;
  onWarning(message: string): void;
}

export class Snapshots {
  readonly #options: SnapshotsOptions;
  #numPending = 0;
  last: WrittenCheckpoint | null = null;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** Resolves when the checkpoint is durable, or was left out. Rejects with a UserError when it can't be written. */
  async write({
    progress,
    isBest,
    isFinal,
  }: Extract<Effect, { type: 'checkpoint' }>): Promise<WrittenCheckpoint | null> {
    const { model, plan, slotNames, reducers, writer } = this.#options;
    if (this.#numPending >= maxPending && !isBest && !isFinal) {
      const before = `${this.#numPending} checkpoints are still being written`;
      this.#options.onWarning(`no checkpoint of step ${progress.version}: ${before}; checkpoint less often`);
      return null;
    }
    this.#numPending++;
    try {
      const vector = (length: number) => new Float32Array(new SharedArrayBuffer(length * 4));
      const vectors: ModelState = {
        parameters: vector(model.numParameters),
        statistics: vector(model.numStatistics),
        slots: slotNames.map(() => vector(model.numParameters)),
      };
      const numBatchesTracked = this.#options.numBatchesTracked();
      // Reducers answer in order: what they save is this version, whatever is asked of them next.
      await reducers.save(vectors);
      const perEpoch = stepsPerEpoch(plan);
      const facts: CheckpointFacts = {
        ...this.#options.constantFacts,
        progress,
        epoch: Math.floor(progress.version / perEpoch),
        stepInEpoch: progress.version % perEpoch,
        engines: this.#options.engines(),
        numBatchesTracked,
      };
      this.last = await writer.write({ facts, slotNames: [...slotNames], vectors });
      return this.last;
    } finally {
      this.#numPending--;
    }
  }
}
