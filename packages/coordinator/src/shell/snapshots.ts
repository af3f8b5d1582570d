/**
 * From an effect "checkpoint" to a durable one: a snapshot of the reducers between two steps, written beside training.
 * What this file keeps true: training waits for a copy in memory, never for the disk; snapshots are bounded in number,
 * so that a disk slower than the cadence costs checkpoints that nothing depends on, and says so; and a failed write
 * leaves everything ready for the next. The last checkpoint, without which a run has not ended well, is tried for a
 * while.
 */
import { type ModelDescription, type PlanConfig, stepsPerEpoch, UserError } from '@unet-fleet/law';
import type {
  CheckpointContent,
  CheckpointFacts,
  CheckpointWriter,
  WriteResult,
  WrittenCheckpoint,
} from '@unet-fleet/record';
import { type Clock, pause, realClock } from '@unet-fleet/shared';
import type { Effect } from '../core/types.ts';
import { emptyState, type ModelState } from '../reducer/bucket-owner.ts';
import type { ReducerPool } from '../reducer/pool.ts';

type CheckpointEffect = Extract<Effect, { type: 'checkpoint' }>;

/** Snapshots under way beyond which an ordinary checkpoint, and beyond which even the best so far, is left out. */
const maxPending = 2;
const maxPendingBest = 4;
/** Pauses between the attempts to write the last checkpoint. */
const lastAttemptsMs = [1_000, 2_000, 4_000, 8_000, 15_000];

export interface SnapshotsOptions {
  model: ModelDescription;
  plan: PlanConfig;
  slotNames: readonly string[];
  reducers: Pick<ReducerPool, 'save'>;
  writer: Pick<CheckpointWriter, 'write'>;
  /** All of the manifest that does not change from checkpoint to checkpoint. */
  constantFacts: Omit<
    CheckpointFacts,
    'progress' | 'epoch' | 'stepInEpoch' | 'engines' | 'numBatchesTracked'
  >;
  engines(): CheckpointFacts['engines'];
  numBatchesTracked(): number;
  /** Whether this coordinator still has the run's lock: without it nothing is tried again. */
  mayWrite(): boolean;
  /** Makes the run's folder whole before each write, should somebody have removed it. Throws a UserError. */
  restoreFolder(): void;
  onWarning(message: string): void;
  clock?: Clock;
}

export interface SavedCheckpoint {
  written: WrittenCheckpoint;
  /** The most that training can have waited: from asking the reducers until all have copied. */
  snapshotMs: number;
  /** Beside training. */
  writeMs: number;
}

export class Snapshots {
  readonly #options: SnapshotsOptions;
  #numPending = 0;
  /** Vectors of an earlier snapshot: memory that was touched before is copied to several times faster. */
  #spare: ModelState | null = null;
  last: WrittenCheckpoint | null = null;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the checkpoint is durable, with null if it was left out. Rejects with a UserError when it can't be
   * written; the next may be.
   */
  async write(effect: CheckpointEffect): Promise<SavedCheckpoint | null> {
    if (this.#isTooMany(effect)) return null;
    this.#numPending++;
    const vectors = this.#spare ?? this.#allocate();
    this.#spare = null;
    try {
      const numBatchesTracked = this.#options.numBatchesTracked();
      const startMs = performance.now();
      // Reducers answer in order: what they save is this version, whatever is asked of them next.
      await this.#options.reducers.save(vectors);
      const snapshotMs = performance.now() - startMs;
      const content = this.#contentOf(effect, numBatchesTracked, vectors);
      const { written, writeMs, warnings } = await this.#store(content, effect.isFinal);
      for (const warning of warnings) this.#options.onWarning(warning);
      this.last = written;
      return { written, snapshotMs, writeMs };
    } finally {
      this.#numPending--;
      this.#spare ??= vectors;
    }
  }

  #isTooMany({ progress, isBest, isFinal }: CheckpointEffect): boolean {
    if (isFinal || this.#numPending < (isBest ? maxPendingBest : maxPending)) return false;
    const before = `${this.#numPending} checkpoints are still being written`;
    this.#options.onWarning(`no checkpoint of step ${progress.version}: ${before}; checkpoint less often`);
    return true;
  }

  async #store(content: CheckpointContent, isLast: boolean): Promise<WriteResult> {
    const pausesMs = isLast ? [...lastAttemptsMs] : [];
    for (;;) {
      try {
        this.#options.restoreFolder();
        return await this.#options.writer.write(content);
      } catch (error) {
        if (!(error instanceof UserError) || !this.#options.mayWrite() || pausesMs.length === 0) throw error;
        const leftMs = pausesMs.reduce((sum, ms) => sum + ms, 0);
        this.#options.onWarning(
          `${error.message}; the run ends without it unless that is mended in ${Math.ceil(leftMs / 1000)} s`,
        );
        await pause(this.#options.clock ?? realClock, pausesMs.shift()!);
      }
    }
  }

  #contentOf(
    { progress }: CheckpointEffect,
    numBatchesTracked: number,
    vectors: ModelState,
  ): CheckpointContent {
    const { plan, constantFacts, slotNames } = this.#options;
    const perEpoch = stepsPerEpoch(plan);
    const facts: CheckpointFacts = {
      ...constantFacts,
      progress,
      epoch: Math.floor(progress.version / perEpoch),
      stepInEpoch: progress.version % perEpoch,
      engines: this.#options.engines(),
      numBatchesTracked,
    };
    return { facts, slotNames: [...slotNames], vectors };
  }

  #allocate(): ModelState {
    const { model, slotNames } = this.#options;
    return emptyState(model, slotNames.length);
  }
}
