/** Where a replay begins: the newest good checkpoint before the step, or the weights that the run began with. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelState } from '@unet-fleet/coordinator';
import { initialParameters, initialStatistics, type ModelDescription, UserError } from '@unet-fleet/law';
import { createOptimizer } from '@unet-fleet/numerics';
import {
  DamagedCheckpoint,
  listCheckpoints,
  loadCheckpoint,
  type RunFolder,
  readManifest,
  stepOfName,
} from '@unet-fleet/record';
import type { Fingerprint } from '@unet-fleet/wire';

export interface Beginning {
  /** Commits so far: the next step is this + 1. */
  step: number;
  /** Folder of the checkpoint; null for the initial weights. */
  checkpoint: string | null;
  state: ModelState;
}

export interface BeginningOptions {
  checkpoints: string;
  folder: RunFolder;
  model: ModelDescription;
  /** The step to replay, from 1. */
  step: number;
  fromStart: boolean;
  onWarning(message: string): void;
}

/** Throws a UserError when a checkpoint is of another run. */
export function beginningOf(options: BeginningOptions): Beginning {
  const { folder, model } = options;
  const loaded = options.fromStart ? null : checkpointBefore(options);
  if (loaded) {
    const { manifest, path, vectors } = loaded;
    if (manifest.runId !== folder.record.runId) {
      throw new UserError(`${path} is a checkpoint of another run: move it out of the folder`);
    }
    return { step: manifest.step, checkpoint: path, state: vectors };
  }
  const { train } = folder.config;
  const state: ModelState = {
    parameters: initialParameters(model, train.seed),
    statistics: initialStatistics(model),
    slots: createOptimizer(train).slots.map(() => new Float32Array(model.numParameters)),
  };
  return { step: 0, checkpoint: null, state };
}

function checkpointBefore({ checkpoints, step, onWarning }: BeginningOptions) {
  const names = existsSync(checkpoints) ? listCheckpoints(checkpoints) : [];
  for (const name of names) {
    if (stepOfName(name)! >= step) continue;
    try {
      return loadCheckpoint(join(checkpoints, name));
    } catch (error) {
      if (!(error instanceof DamagedCheckpoint)) throw error;
      onWarning(`${error.message}: the one before it is used`);
    }
  }
  return null;
}

/** The engines that computed the run, as its newest readable checkpoint names them; none when there is none. */
export function enginesOf(checkpoints: string): Fingerprint[] {
  const names = existsSync(checkpoints) ? listCheckpoints(checkpoints) : [];
  for (const name of names) {
    try {
      return readManifest(join(checkpoints, name)).engines;
    } catch (error) {
      if (!(error instanceof DamagedCheckpoint)) throw error;
    }
  }
  return [];
}
