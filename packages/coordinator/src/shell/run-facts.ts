/** A prepared run as others need to see it: the core, a worker that joins, a reader of its events, a checkpoint. */
import { availableParallelism } from 'node:os';
import { withoutSecrets } from '@unet-fleet/config';
import {
  type EngineConfig,
  ignoredLabel,
  maxLeaves,
  numSteps,
  type RoundKind,
  type RunEvent,
  rounds,
  type Version,
} from '@unet-fleet/law';
import { type Processor, thisProcessor } from '@unet-fleet/shared';
import type { Welcome } from '@unet-fleet/wire';
import type { CoreConfig } from '../core/types.ts';
import type { FileServing } from '../files/start.ts';
import type { PreparedRun } from './prepare-run.ts';
import type { SharedMemory } from './shared-memory.ts';
import type { SnapshotsOptions } from './snapshots.ts';

/** A worker sends a heartbeat a second; the rest are the core's clocks. */
const resendMs = 3_000;
const maxLeafAttempts = 8;

export function coreConfig({ config, plan, model }: PreparedRun): CoreConfig {
  const { run, train } = config;
  return {
    plan: { ...plan, epochs: train.epochs },
    validateEvery: train.validateEvery,
    checkpointEvery: run.checkpointEvery,
    minWorkers: run.minWorkers,
    numClasses: model.config.numClasses,
    loss: train.loss,
    silenceMs: run.leaseSeconds * 1_000,
    resendMs,
    maxLeafAttempts,
    checkpointMs: run.checkpointSeconds * 1_000,
    onCheckpointFailure: run.onCheckpointFailure,
    stopMs: run.stopSeconds * 1_000,
    onNonFinite: train.onNonFinite,
  };
}

export function welcomeOf(
  run: PreparedRun,
  reducers: readonly string[],
  memory: SharedMemory | null,
  { listingSha256 }: FileServing,
): Welcome {
  const { config, folder, lock, plan, model } = run;
  const { packToken: _, ...data } = config.data;
  return {
    type: 'welcome',
    runId: folder.record.runId,
    term: lock.term,
    // Names are for people; the number of classes is settled.
    data: { ...data, classNames: '', numClasses: model.config.numClasses },
    model: model.config,
    plan,
    device: config.engine.device,
    intraOpThreads: run.intraOpThreads,
    precision: config.engine.precision,
    retriesInFloat32: config.train.onNonFinite === 'retry-float32',
    ignoreIndex: ignoredLabel(config.data),
    loss: config.train.loss,
    classWeights: run.classWeights,
    reducers: [...reducers],
    wire: config.train.wire,
    sharedMemoryFolder: memory?.folder ?? '',
    sharedMemoryToken: memory?.token ?? '',
    listingSha256,
  };
}

export function startedEvent(run: PreparedRun, brokerUrl: string): RunEvent {
  const { folder, paths, plan, model, progress } = run;
  return {
    type: 'run-started',
    runId: folder.record.runId,
    runDir: paths.root,
    brokerUrl,
    numStepsDone: progress.version,
    numSteps: numSteps(plan),
    numTrainPhotos: plan.numTrainSamples,
    numValidationPhotos: plan.numValidationSamples,
    numClasses: model.config.numClasses,
    numParameters: model.numParameters,
    numLeaves: maxLeaves(plan),
  };
}

/** What every checkpoint of this start of the run says. */
export function constantFacts({
  config,
  folder,
  lock,
  model,
}: PreparedRun): SnapshotsOptions['constantFacts'] {
  const { runId, classNames, identitySha256, dataSha256 } = folder.record;
  return {
    runId,
    term: lock.term,
    config: withoutSecrets(config),
    model: model.config,
    classNames,
    identitySha256,
    dataSha256,
  };
}

/** Ids of the samples of a leaf of this round. */
export function samplesOfLeaf(
  { plan, folder }: PreparedRun,
  kind: RoundKind,
  version: Version,
  leaf: number,
): string[] {
  const { part, samplesOf } = rounds[kind];
  return samplesOf(plan, version, leaf).map((index) => folder.split[part][index]!);
}

/** A sentence where workers of this machine would compute in bf16 on a processor that can't; null elsewhere. */
export function slowPrecisionNote(
  { device, precision }: EngineConfig,
  numWorkers: number,
  { instructionSet }: Pick<Processor, 'instructionSet'> = thisProcessor(),
): string | null {
  if (precision === 'float32' || numWorkers === 0 || device === 'gpu') return null;
  // Of x86-64, whose wider sets have bf16 in their names; of others nothing is known.
  if (!/^(sse|avx)/.test(instructionSet) || instructionSet.endsWith('_bf16')) return null;
  return `this machine's processor (${instructionSet}) has no instructions for bf16: on it --precision bf16 is slower than float32`;
}

/** A sentence about more threads than cores on this machine; null when there are enough. */
export function crowdedNote(numWorkers: number, numThreads: number): string | null {
  const numCores = availableParallelism();
  if (numThreads < 2 || numWorkers * numThreads <= numCores) return null;
  const fitting = Math.max(1, Math.floor(numCores / numWorkers));
  return (
    `${numWorkers} workers of ${numThreads} threads share ${numCores} cores: a new run with ` +
    `--threads ${fitting} would be faster`
  );
}
