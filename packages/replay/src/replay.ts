/**
 * Computes a step of a run again and holds it against the ledger, which finds a machine that computes wrongly: its
 * frames were valid and nothing else could tell. Reads the run folder and the data; changes nothing.
 */

import { classWeightsOf } from '@unet-fleet/coordinator/shell/fit-options';
import {
  type Dataset,
  datasetFrom,
  loadSample,
  sampleCache,
  samplesOf,
  scanDataset,
  toBatch,
  trainingSizeOf,
  withUnpacked,
} from '@unet-fleet/dataset';
import { type DataConfig, describeModel, ignoredLabel, type PlanConfig, UserError } from '@unet-fleet/law';
import {
  type LedgerLine,
  openRunFolder,
  otherVersionNote,
  planOf,
  type RunFolder,
  readLedger,
  runPaths,
  StepSamples,
  unrecordedNote,
} from '@unet-fleet/record';
import { engineDifferences, type Fingerprint } from '@unet-fleet/wire';
import { ComputeThread, type EngineFingerprint } from '@unet-fleet/worker';
import { Batches } from '@unet-fleet/worker/shell/batches';
import { beginningOf, enginesOf } from './beginning.ts';
import { compareStep, type StepComparison } from './compare.ts';
import { Trainer } from './trainer.ts';

export interface ReplayOptions {
  runDir: string;
  /** Counted from 1; null: the last in the ledger. */
  step: number | null;
  /** From the initial weights instead of the nearest checkpoint: every step before it is compared as well. */
  fromStart: boolean;
  /** Where this machine has the data; '' for the run's own paths. */
  images: string;
  masks: string;
  cacheDir: string;
  /** Of this unet-fleet. */
  softwareVersion: string;
  onScanProgress(numDone: number, numPairs: number): void;
  onLeaf(numDone: number, numLeaves: number): void;
  onWarning(message: string): void;
}

export interface ReplayReport {
  runDir: string;
  /** The step that was asked for. */
  step: number;
  isSame: boolean;
  /** Commits that the replay began with, and the checkpoint that held them; null for the initial weights. */
  beganAfterStep: number;
  checkpoint: string | null;
  engine: EngineFingerprint;
  /** Every step computed: up to the one that was asked for, or the first that differs. */
  steps: StepComparison[];
}

/** Decoded samples in memory: leaves of a step come once, so few are needed. */
const sampleCacheBytes = 256 * 1024 ** 2;

/**
 * Throws a UserError when there is no such step, the data is not the run's, or this machine's engine is not the run's,
 * so that it can't judge.
 */
export async function replayRun(options: ReplayOptions): Promise<ReplayReport> {
  const { runDir } = options;
  const folder = openRunFolder(runDir);
  const { checkpoints, ledger } = runPaths(runDir);
  const lines = new Map(readLedger(ledger).lines.map((line) => [line.step, line]));
  const step = options.step ?? Math.max(0, ...lines.keys());
  assertInLedger(lines, step, runDir);
  const model = describeModel(folder.record.model);
  const beginning = beginningOf({ ...options, checkpoints, folder, model, step });
  const wanted = stepsBetween(lines, beginning.step, step);
  const plan = planOf(folder);
  const { dataset, data } = await openData(options, folder);
  const engines = enginesOf(checkpoints);
  const otherVersion = otherVersionNote(folder.record.versions, options.softwareVersion);
  for (const note of [otherVersion, unrecordedNote(engines)]) if (note !== null) options.onWarning(note);
  const engine = await openEngine(folder, dataset, engines);
  try {
    const total = wanted.reduce((sum, line) => sum + line.numLeaves, 0);
    let numDone = 0;
    const trainer = new Trainer(
      {
        model,
        plan,
        train: folder.config.train,
        batches: batchesOf(folder, dataset, data, plan),
        engine,
        onLeaf: () => options.onLeaf(++numDone, total),
      },
      beginning.state,
    );
    const samples = new StepSamples(plan, folder.split.train);
    const steps: StepComparison[] = [];
    for (const line of wanted) {
      const comparison = compareStep(line, await trainer.step(line), samples.ofStep(line.step));
      steps.push(comparison);
      // From here on the run had other weights than the replay has.
      if (!comparison.isSame) break;
    }
    const { checkpoint, step: beganAfterStep } = beginning;
    const isSame = steps.every((comparison) => comparison.isSame);
    return { runDir, step, isSame, beganAfterStep, checkpoint, engine: engine.fingerprint, steps };
  } finally {
    await engine.close();
  }
}

function assertInLedger(lines: Map<number, LedgerLine>, step: number, runDir: string): void {
  if (lines.has(step)) return;
  if (lines.size === 0) {
    throw new UserError(`${runPaths(runDir).ledger} has no step: nothing of the run can be replayed`);
  }
  const [first, last] = [Math.min(...lines.keys()), Math.max(...lines.keys())];
  throw new UserError(`the ledger of ${runDir} has no step ${step}: choose one of ${first} to ${last}`);
}

/** The lines of the steps after `begun` up to `end`. Throws a UserError where one is missing. */
function stepsBetween(lines: Map<number, LedgerLine>, begun: number, end: number): LedgerLine[] {
  return Array.from({ length: end - begun }, (_, i) => {
    const line = lines.get(begun + 1 + i);
    if (line) return line;
    throw new UserError(
      `the ledger misses step ${begun + 1 + i}, which lies between step ${end} and the checkpoint before it (step ${begun}): choose a step after a later checkpoint`,
    );
  });
}

/** The run's data options, with the folders that were given, or those of its pack. */
async function dataConfigOf(
  { config }: RunFolder,
  { images, masks, cacheDir }: ReplayOptions,
): Promise<DataConfig> {
  if (images === '' && masks === '') return withUnpacked(config.data, { cacheDir, env: process.env });
  return { ...config.data, images: images || config.data.images, masks: masks || config.data.masks };
}

async function openData(
  options: ReplayOptions,
  folder: RunFolder,
): Promise<{ dataset: Dataset; data: DataConfig }> {
  const data = await dataConfigOf(folder, options);
  const { cacheDir, onScanProgress: onProgress } = options;
  const dataset = datasetFrom(await scanDataset(data, { cacheDir, onProgress }), data);
  if (dataset.sha256 === folder.record.dataSha256) return { dataset, data };
  throw new UserError(
    `${data.images} and ${data.masks} do not hold the data that the run was made with: restore it, or name a copy with --images and --masks`,
  );
}

function batchesOf(folder: RunFolder, dataset: Dataset, data: DataConfig, plan: PlanConfig): Batches {
  return new Batches({
    plan,
    train: samplesOf(dataset, folder.split.train),
    validation: [],
    cache: sampleCache(sampleCacheBytes),
    load: (sample) => loadSample(data, sample, trainingSizeOf(data, sample)),
    join: toBatch,
  });
}

async function openEngine(
  { config, record }: RunFolder,
  dataset: Dataset,
  engines: Fingerprint[],
): Promise<ComputeThread> {
  if (engines.length > 1) {
    throw new UserError(
      'the run was computed by engines that differ (--allow-mixed-engines), so its steps can not be judged by computing them again',
    );
  }
  const engine = await ComputeThread.start({
    model: record.model,
    device: config.engine.device,
    intraOpThreads: record.engineThreads,
    precision: config.engine.precision,
    ignoreIndex: ignoredLabel(config.data),
    loss: config.train.loss,
    classWeights: classWeightsOf(config, dataset),
  });
  const [ofRun] = engines;
  const difference = ofRun ? engineDifference(ofRun, engine.fingerprint) : null;
  if (difference === null) return engine;
  await engine.close();
  throw new UserError(
    `this machine can not judge the run, whose engine gives other bits: ${difference}; replay it on a machine like the run's`,
  );
}

/** In words; null when the engines are the same. */
export function engineDifference(ofRun: Fingerprint, here: Fingerprint): string | null {
  const differing = engineDifferences(ofRun, here);
  if (differing.length === 0) return null;
  return differing.map(({ part, ofRun: there, other }) => `${part} ${there} there, ${other} here`).join('; ');
}
