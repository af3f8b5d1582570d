/**
 * Everything a run needs before its first step: take the run's lock, scan the data, make or open the run's folder, and
 * the weights to begin with. The lock comes first: a scan may take minutes, after which another start in the same folder
 * would be refused. What fails here leaves no trace of a new run.
 */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { withoutSecrets, withSettled } from '@unet-fleet/config';
import { type Dataset, datasetFrom, scanDataset, settledOf } from '@unet-fleet/dataset';
import {
  type Config,
  describeModel,
  firstBeyondEnd,
  initialEarlyStopping,
  initialParameters,
  initialSchedule,
  initialStatistics,
  type ModelDescription,
  modelOf,
  numSteps,
  type PlanConfig,
  type Progress,
  planWith,
  type RunEvent,
  stepsPerEpoch,
  UserError,
} from '@unet-fleet/law';
import {
  acquireRunLock,
  assertNotBegun,
  assertSameRun,
  comesOf,
  createRunFolder,
  eventsIn,
  hasBegun,
  Interventions,
  identitySha256,
  lockLost,
  openCheckpoint,
  openRunFolder,
  otherVersionNote,
  planOf,
  type RunFolder,
  type RunLock,
  readInterventions,
  runPaths,
  tidyCheckpoints,
  unrecordedNote,
} from '@unet-fleet/record';
import { atExit, explained, makeFolder, removeIfEmpty } from '@unet-fleet/shared';
import type { Fingerprint } from '@unet-fleet/wire';
import { protocolVersion } from '@unet-fleet/wire/protocol/messages';
import type { ModelState } from '../reducer/bucket-owner.ts';
import { classWeightsOf, type Fit, fitOptions } from './fit-options.ts';
import { changeableFlags, configNow, interventionFor, toldChange, withoutChanges } from './options-anew.ts';
import { memoryLack, trainingCost } from './training-cost.ts';

export interface PrepareOptions {
  /** Its paths are absolute: workers and a later resume have other working folders. */
  config: Config;
  /** Continue the run of the run folder, from its newest good checkpoint or the one that is named. */
  resume: { checkpoint: string | null } | null;
  cacheDir: string;
  softwareVersion: string;
  /** State vectors that the optimizer has. */
  slotNames: readonly string[];
  onScanProgress(numDone: number, numPairs: number): void;
  onNote(message: string): void;
  onWarning(message: string): void;
  onLockLost(): void;
}

export interface PreparedRun {
  config: Config;
  folder: RunFolder;
  paths: ReturnType<typeof runPaths>;
  lock: RunLock;
  dataset: Dataset;
  /** With the epochs that the run is to have by now; `config` has those that it began with. */
  plan: PlanConfig;
  model: ModelDescription;
  intraOpThreads: number;
  classWeights: number[] | null;
  progress: Progress;
  interventions: Interventions;
  /** What the run was given anew with this start, in events to be told. */
  changed: RunEvent[];
  state: ModelState;
  engines: Fingerprint[];
  numBatchesTracked: number;
}

/** Throws a UserError naming what is wrong with data, options, run folder or checkpoint. Releases the lock then. */
export async function prepareRun(options: PrepareOptions): Promise<PreparedRun> {
  const root = options.config.run.runDir;
  const earlier = startable(root, options.resume !== null);
  const wanted = earlier ? withSettled(options.config, earlier) : options.config;
  const made = foldersFor(root);
  const isPrepared = atExit(() => removeIfEmpty(made));
  try {
    const lock = acquireRunLock(root, { onLost: options.onLockLost });
    try {
      return await prepareLocked({ ...options, config: wanted }, lock);
    } catch (error) {
      if (options.resume) lock.release();
      else lock.abandon();
      throw error;
    }
  } catch (error) {
    removeIfEmpty(made);
    throw error;
  } finally {
    isPrepared();
  }
}

/** Asked before anything is made. The config that a run which is resumed was made with. */
function startable(root: string, isResuming: boolean): Config | null {
  if (isResuming) return openRunFolder(root).config;
  assertNotBegun(root);
  return null;
}

/** The run folder and those above it, as far as they were missing. */
function foldersFor(root: string): string[] {
  try {
    return makeFolder(root);
  } catch (error) {
    throw explained(error, { what: 'the run', path: root, instead: 'or name another --run-dir' });
  }
}

/** Whether the leaves of this machine's workers will hardly fit it; null where that is not known. */
function memoryLackOf(config: Config, dataset: Dataset): string | null {
  const { workers } = config.run;
  if (workers === 0 || config.engine.device === 'gpu') return null;
  const cost = trainingCost(config, dataset);
  return cost && memoryLack(cost, workers, process.availableMemory());
}

async function prepareLocked(options: PrepareOptions, lock: RunLock): Promise<PreparedRun> {
  const { config: wanted, onScanProgress: onProgress, cacheDir } = options;
  const root = wanted.run.runDir;
  const dataset = datasetFrom(await scanDataset(wanted.data, { onProgress, cacheDir }), wanted.data);
  const config = { ...wanted, data: { ...wanted.data, ...settledOf(dataset) } };
  for (const note of dataset.notes) options.onNote(note);
  for (const warning of dataset.warnings) options.onWarning(warning);
  // Options that do not fit the data are told before there is a run, which later commands would take for one.
  const found = { config, dataset, lock, classWeights: classWeightsOf(config, dataset) };
  const lack = memoryLackOf(config, dataset);
  if (lack) options.onWarning(lack);
  const fresh = options.resume ? null : newRunFolder(options, config, dataset, fitOptions(config, dataset));
  if (!lock.isHeld()) throw lockLost(root);
  const folder = fresh ?? openRunFolder(root);
  const begun = planOf(folder);
  const interventions = openInterventions(options, lock, begun);
  const now = configNow(folder.config, interventions.all);
  if (options.resume) {
    assertSameRun(
      root,
      { ...folder, config: now },
      withoutChanges(config, now),
      dataset.sha256,
      changeableFlags,
    );
    if (config.run.interventions !== folder.config.run.interventions) {
      throw new UserError(
        `--interventions is for a new run: what the learning rate of ${root} was and is to be changed to stands in its interventions.json`,
      );
    }
  }
  const otherVersion = options.resume && otherVersionNote(folder.record.versions, options.softwareVersion);
  if (otherVersion) options.onNote(otherVersion);
  const model = describeModel(folder.record.model);
  const train = folder.config.train;
  const common = {
    ...found,
    config: { ...config, train },
    interventions,
    folder,
    paths: runPaths(root),
    model,
    intraOpThreads: folder.record.engineThreads,
  };
  if (!options.resume) createRunFolder(root, folder);
  /** With what the run is given anew, from the next step on. */
  const changedBy = <T extends { progress: Progress }>(start: T) => {
    const wish = { root, now, wanted: config, plan: begun, progress: start.progress };
    const change = options.resume && interventionFor({ ...wish, at: new Date().toISOString() });
    if (change) interventions.add(change);
    const changed = change ? toldChange(change, now) : [];
    return { ...start, changed, plan: planWith(begun, interventions.all) };
  };
  // What an interrupted writer left is put in order before anything is chosen; from now on it can add nothing.
  tidyCheckpoints(common.paths.checkpoints);
  if (!options.resume || (options.resume.checkpoint === null && !hasMadeCheckpoints(root))) {
    return { ...common, ...changedBy(freshStart(options, common.config, model, begun)) };
  }
  const loaded = openCheckpoint(options.resume.checkpoint ?? runPaths(root).checkpoints, 'newest', {
    onDamaged: (damaged) => options.onWarning(`${damaged.message}: the one before it is used`),
    reasonAgainst: ({ progress }) => (comesOf(progress, interventions.all) ? null : otherCourse),
  });
  const { manifest, vectors } = loaded;
  if (manifest.runId !== folder.record.runId) {
    throw new UserError(
      `${loaded.path} is a checkpoint of another run: name one of ${runPaths(root).checkpoints}, or leave it out for the newest`,
    );
  }
  if (!comesOf(manifest.progress, interventions.all)) {
    throw new UserError(
      `${loaded.path} can't be gone on from: ${otherCourse}; name an earlier one, or leave it out for the newest that can`,
    );
  }
  const { progress, engines, numBatchesTracked } = manifest;
  const unrecorded = unrecordedNote(engines);
  if (unrecorded !== null) options.onNote(unrecorded);
  return { ...common, ...changedBy({ progress, state: vectors, engines, numBatchesTracked }) };
}

/** Why weights are not those that the run has by now. */
const otherCourse = 'learning rate or options were changed in other ways than interventions.json says';

/** Those of the run; of a new one, those that were given to it. */
function openInterventions(
  { config, resume }: PrepareOptions,
  lock: RunLock,
  plan: PlanConfig,
): Interventions {
  const { runDir, interventions: path } = config.run;
  const options = { term: lock.term, mayWrite: () => lock.isHeld() };
  if (resume) return Interventions.open(runDir, options);
  const given = path === '' ? [] : readInterventions(path);
  const beyond = firstBeyondEnd(plan, given);
  if (beyond) {
    const steps = numSteps(planWith(plan, given.slice(0, given.indexOf(beyond))));
    throw new UserError(
      `${path} has a change with step ${beyond.step}, but the run has ${steps} steps: take it out of the file, or raise --epochs`,
    );
  }
  assertNotBegun(runDir);
  return Interventions.begin(runDir, options, given);
}

/**
 * Whether the run has checkpoints, or had some that are gone. One that was interrupted before its first goes on from
 * its first step, under its id.
 */
const hasMadeCheckpoints = (root: string): boolean =>
  hasBegun(root) || [...eventsIn(runPaths(root).metrics)].some(({ type }) => type === 'checkpoint');

function newRunFolder(
  options: PrepareOptions,
  config: Config,
  dataset: Dataset,
  { split: { training, validation } }: Fit,
): RunFolder {
  const { data, model, engine } = config;
  return {
    config: withoutSecrets(config),
    split: { train: training, validation },
    record: {
      formatVersion: 1,
      runId: randomBytes(6).toString('hex'),
      createdAt: new Date().toISOString(),
      identitySha256: identitySha256(config),
      dataSha256: dataset.sha256,
      engineThreads: engine.threads || availableParallelism(),
      model: modelOf(model, { inChannels: data.channels, numClasses: dataset.numClasses }),
      classNames: dataset.classNames,
      versions: {
        'unet-fleet': options.softwareVersion,
        protocol: String(protocolVersion),
        node: process.version,
      },
    },
  };
}

function freshStart(options: PrepareOptions, { train }: Config, model: ModelDescription, plan: PlanConfig) {
  const progress: Progress = {
    version: 0,
    validationPending: false,
    schedule: initialSchedule(train, stepsPerEpoch(plan)),
    earlyStopping: initialEarlyStopping(train),
    best: null,
  };
  const state: ModelState = {
    parameters: shared(initialParameters(model, train.seed)),
    statistics: shared(initialStatistics(model)),
    slots: options.slotNames.map(() => shared(new Float32Array(model.numParameters))),
  };
  return { progress, state, engines: [], numBatchesTracked: 0 };
}

/** A copy in shared memory. */
function shared(values: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}
