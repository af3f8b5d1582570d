/** From what a person names (a run folder, a checkpoint, nothing) to a model that is ready to be used. */
import { basename, dirname, resolve } from 'node:path';
import { type Config, UserError } from '@unet-fleet/law';
import { holdsRun, openCheckpoint } from '@unet-fleet/record';
import {
  type EngineChoice,
  type InferenceEngine,
  openInferenceEngine,
  type TrainedModel,
} from '@unet-fleet/worker';
import { Option } from 'commander';
import type { Io } from './io.ts';
import { namedRunDir, newestTrainedRun, type RunNameFlags } from './run-folders.ts';

export interface TrainedRun {
  /** The run folder that the checkpoint lies in; null for one that was copied elsewhere. */
  runDir: string | null;
  model: TrainedModel;
  /** Of the run. */
  config: Config;
  dataSha256: string;
}

export interface TrainedRunFlags extends RunNameFlags {
  /** 'best', 'newest', or the path of a checkpoint. */
  checkpoint: string;
}

export const checkpointOption = (): Option =>
  new Option(
    '--checkpoint <path|best|newest>',
    'the checkpoint to use, of the run folder unless a path',
  ).default('best');

/** Loads and verifies the checkpoint. Throws a UserError when there is none that is good. */
export function openTrainedRun(
  flags: TrainedRunFlags,
  io: Io,
  warn: (message: string) => void,
  argument?: string,
): TrainedRun {
  const isNamed = flags.checkpoint !== 'best' && flags.checkpoint !== 'newest';
  const path = isNamed
    ? checkpointOf(flags, io, argument)
    : namedRunDir(flags, io, argument, newestTrainedRun);
  const loaded = openCheckpoint(path, flags.checkpoint === 'newest' ? 'newest' : 'best', {
    onDamaged: (damaged) => warn(`${damaged.message}: another one is used`),
  });
  const { manifest, vectors } = loaded;
  if (flags.checkpoint === 'best' && manifest.progress.best === null) {
    warn(
      `no validation of the run has had a score, so its newest checkpoint is used, of step ${manifest.step}`,
    );
  }
  const root = dirname(dirname(loaded.path));
  return {
    runDir: holdsRun(root) ? root : null,
    model: {
      name: `${basename(root)}, step ${manifest.step}`,
      model: manifest.model,
      parameters: vectors.parameters,
      statistics: vectors.statistics,
      classNames: manifest.classNames,
      data: manifest.config.data,
      loss: manifest.config.train.loss,
      wire: manifest.config.train.wire,
      classWeights: null,
    },
    config: manifest.config,
    dataSha256: manifest.dataSha256,
  };
}

/** Throws a UserError where another run is named beside the checkpoint. */
function checkpointOf({ checkpoint, runDir }: TrainedRunFlags, io: Io, argument?: string): string {
  const path = resolve(io.cwd, checkpoint);
  if (argument === undefined && runDir === undefined) return path;
  const run = namedRunDir({ runDir }, io, argument);
  if (dirname(dirname(path)) === run) return path;
  throw new UserError(
    `--checkpoint ${checkpoint} is no checkpoint of ${run}, which is named as well: leave one of them out`,
  );
}

/** Starts an engine that holds the model's weights, lets `use` work with it, and ends it. */
export async function withEngine<T>(
  trained: TrainedModel,
  choice: EngineChoice,
  use: (engine: InferenceEngine) => Promise<T>,
): Promise<T> {
  const engine = await openInferenceEngine(trained, choice);
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

/** Throws unless the checkpoint lies in its run's folder, which says how the data was split. */
export function requireRunDir({ runDir, model }: TrainedRun): string {
  if (runDir !== null) return runDir;
  throw new UserError(
    `the checkpoint of ${model.name} lies outside its run folder, which says which photos are for validation: use --part all`,
  );
}
