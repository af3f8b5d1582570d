/**
 * What a run writes while it goes on: a line of the ledger for each step, checkpoints, and what validations showed. What
 * it keeps true: a checkpoint that is told of is durable, and so are the ledger's lines of the steps before it.
 */

import { reachedMoment, type Step, type StepRecord } from '@unet-fleet/law';
import { createOptimizer } from '@unet-fleet/numerics';
import {
  CheckpointWriter,
  type EvaluationWriter,
  Ledger,
  restoreRunFolder,
  StepSamples,
} from '@unet-fleet/record';
import type { Effect } from '../core/types.ts';
import type { ReducerPool } from '../reducer/pool.ts';
import type { Cleanups } from './cleanups.ts';
import type { Fleet } from './fleet.ts';
import type { PreparedRun } from './prepare-run.ts';
import { constantFacts } from './run-facts.ts';
import { Snapshots } from './snapshots.ts';
import type { Teller } from './teller.ts';

export interface RunRecordOptions {
  run: PreparedRun;
  reducers: ReducerPool;
  fleet: Fleet;
  evaluations: EvaluationWriter;
  teller: Teller;
}

export class RunRecord {
  readonly #options: RunRecordOptions;
  readonly #ledger: Ledger;
  readonly #snapshots: Snapshots;
  /** Leaves that went into the running statistics of the batch norms. */
  #numBatchesTracked: number;
  #checkpoint: { step: Step; at: string } | null = null;

  constructor(options: RunRecordOptions, cleanups: Cleanups) {
    const { run, evaluations, teller } = options;
    const { config, folder, lock, paths, plan, progress } = run;
    this.#options = options;
    this.#numBatchesTracked = run.numBatchesTracked;
    this.#ledger = new Ledger(paths.ledger, reachedMoment(progress), {
      term: lock.term,
      samples: new StepSamples(plan, folder.split.train),
      mayWrite: () => lock.isHeld(),
      onWarning: (message) => teller.warn(message),
    });
    cleanups.add(() => this.#ledger.close());
    const writer = new CheckpointWriter({
      checkpoints: paths.checkpoints,
      keep: config.run.keepCheckpoints,
      fence: { runFolder: paths.root, term: lock.term },
    });
    cleanups.add(() => writer.close());
    this.#snapshots = this.#openSnapshots(writer);
    cleanups.add(() => evaluations.flushed());
  }

  #openSnapshots(writer: CheckpointWriter): Snapshots {
    const { run, reducers, fleet, teller } = this.#options;
    const { config, lock, model, plan } = run;
    return new Snapshots({
      model,
      plan,
      slotNames: createOptimizer(config.train).slots,
      reducers,
      writer,
      constantFacts: constantFacts(run),
      engines: () => fleet.engines,
      numBatchesTracked: () => this.#numBatchesTracked,
      mayWrite: () => lock.isHeld(),
      restoreFolder: () => this.#restoreFolder(),
      onWarning: (message) => teller.warn(message),
    });
  }

  /** Of the newest durable one of this start; null before the first. */
  get checkpoint(): { step: Step; at: string } | null {
    return this.#checkpoint;
  }

  /** The checkpoint that was written last by this start. */
  get last(): Snapshots['last'] {
    return this.#snapshots.last;
  }

  /** A step was committed; to be called before the next one is. */
  committed(record: StepRecord): void {
    this.#numBatchesTracked += record.numLeaves - record.skippedLeaves.length;
    this.#ledger.append(record, this.#options.reducers.stepHashes());
  }

  /** As Ports.writeCheckpoint: takes its snapshot before it returns to the event loop. */
  async writeCheckpoint(effect: Extract<Effect, { type: 'checkpoint' }>): Promise<void> {
    const saved = await this.#snapshots.write(effect);
    // What a replay begins with has the lines of its steps.
    await this.#ledger.flush();
    if (!saved) return;
    const { written, snapshotMs, writeMs } = saved;
    const { step, path, sizeBytes } = written;
    const { isBest } = effect;
    this.#checkpoint = { step, at: new Date().toISOString() };
    this.#options.teller.emit({ type: 'checkpoint', step, path, isBest, sizeBytes, snapshotMs, writeMs });
  }

  /** Resolves when the evaluations so far are on the disk. */
  drain(): Promise<void> {
    return this.#options.evaluations.flushed();
  }

  #restoreFolder(): void {
    const { run, teller } = this.#options;
    const { folder, interventions, lock, paths } = run;
    if (!lock.isHeld() || !restoreRunFolder(paths.root, folder)) return;
    interventions.restore();
    teller.warn(`${paths.root} was removed: what the run needs to be continued is written there again`);
  }
}
