/**
 * Writing a checkpoint. Under a temporary name in the same folder, every file synced, renamed, the folder synced: at
 * any moment a crash leaves either no new checkpoint or a whole one. Only the holder of the run's lock writes.
 */
import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describeModel } from '@unet-fleet/shared';
import { bytesOf, type FileOperations, realFiles, syncFolder, userErrorOf, writeFile } from './files.ts';
import {
  type CheckpointFacts,
  type CheckpointVectors,
  checkpointName,
  encodeManifest,
  files,
  formatVersion,
  type Manifest,
  stepOfName,
  sumsText,
} from './manifest.ts';
import { writeModel, writeOptimizer } from './tensors.ts';

const temporaryPrefix = '.tmp-';
const replacedPrefix = '.replaced-';

export interface CheckpointContent {
  facts: CheckpointFacts;
  /** Names of the optimizer's state vectors. */
  slotNames: string[];
  vectors: CheckpointVectors;
}

export interface WrittenCheckpoint {
  path: string;
  name: string;
  step: number;
  weightsSha256: string;
}

/** SHA-256 of the flat parameters and then the statistics, in the engine's layout: equal weights, equal hash. */
export const weightsSha256 = (parameters: Float32Array, statistics: Float32Array): string =>
  createHash('sha256').update(bytesOf(parameters)).update(bytesOf(statistics)).digest('hex');

function assertFits({ facts, slotNames, vectors }: CheckpointContent): void {
  const { numParameters, numStatistics } = describeModel(facts.model);
  const lengths = [vectors.parameters, ...vectors.slots].map(({ length }) => length);
  if (lengths.some((length) => length !== numParameters) || vectors.statistics.length !== numStatistics) {
    throw new Error(`vectors of ${lengths} and ${vectors.statistics.length} values are not of this model`);
  }
  if (slotNames.length !== vectors.slots.length) throw new Error('one name is needed for each slot');
}

/** Writes the four files and syncs them. */
function fillFolder(folder: string, content: CheckpointContent, operations: FileOperations): Manifest {
  const { facts, slotNames, vectors } = content;
  const model = describeModel(facts.model);
  const { version: step } = facts.progress;
  const { baseWidth, numClasses, inChannels, upsampling } = facts.model;
  const metadata = {
    format: 'pt',
    runId: facts.runId,
    step: String(step),
    model: `U-Net base ${baseWidth}, ${upsampling}, ${inChannels} channels, ${numClasses} classes`,
    optimizer: `${facts.config.train.optimizer}, learning rate ${facts.config.train.learningRate}`,
  };
  const modelFacts = writeFile(join(folder, files.model), operations, (file) =>
    writeModel(file, model, vectors, facts.numBatchesTracked, metadata),
  );
  const optimizerFacts = writeFile(join(folder, files.optimizer), operations, (file) =>
    writeOptimizer(file, model, slotNames, vectors.slots, metadata),
  );
  const manifest: Manifest = {
    formatVersion,
    step,
    ...facts,
    slots: slotNames,
    weightsSha256: weightsSha256(vectors.parameters, vectors.statistics),
    files: { [files.model]: modelFacts, [files.optimizer]: optimizerFacts },
  };
  const writeText = (name: string, text: string) =>
    writeFile(join(folder, name), operations, (file) => file.write(new TextEncoder().encode(text)));
  const { sha256 } = writeText(files.manifest, encodeManifest(manifest));
  writeText(files.sums, sumsText(sha256, manifest));
  syncFolder(folder, operations);
  return manifest;
}

/**
 * Writes a checkpoint into a checkpoints folder, which is made if it is missing. One of the same step is replaced.
 * Throws a UserError if the disk is full or may not be written; then nothing of the new checkpoint is left and the
 * older ones are as they were.
 */
export function writeCheckpoint(
  checkpoints: string,
  content: CheckpointContent,
  operations: FileOperations = realFiles,
): WrittenCheckpoint {
  assertFits(content);
  const name = checkpointName(content.facts.progress.version);
  const path = join(checkpoints, name);
  const temporary = join(checkpoints, `${temporaryPrefix}${name}-${randomUUID()}`);
  try {
    operations.makeFolder(temporary);
    const manifest = fillFolder(temporary, content, operations);
    if (operations.exists(path)) {
      // A folder cannot be replaced at once: `tidyCheckpoints` puts the old one back if this is interrupted.
      const replaced = join(checkpoints, `${replacedPrefix}${name}`);
      operations.remove(replaced);
      operations.rename(path, replaced);
      operations.rename(temporary, path);
      syncFolder(checkpoints, operations);
      operations.remove(replaced);
    } else {
      operations.rename(temporary, path);
    }
    syncFolder(checkpoints, operations);
    return { path, name, step: manifest.step, weightsSha256: manifest.weightsSha256 };
  } catch (error) {
    try {
      operations.remove(temporary);
    } catch {
      // The first failure is the one to tell of; the folder is tidied at the next start.
    }
    throw userErrorOf(error, `checkpoint ${name}`, checkpoints);
  }
}

/**
 * Removes what writers that died have left, and puts a checkpoint back whose replacement was interrupted. Only for
 * the holder of the run's lock, before it writes: then whatever is unfinished is nobody's. Throws a UserError if the
 * folder may not be changed.
 */
export function tidyCheckpoints(checkpoints: string, operations: FileOperations = realFiles): void {
  if (!operations.exists(checkpoints)) return;
  try {
    for (const entry of operations.list(checkpoints)) tidyEntry(checkpoints, entry, operations);
  } catch (error) {
    throw userErrorOf(error, 'checkpoints', checkpoints);
  }
}

function tidyEntry(checkpoints: string, entry: string, operations: FileOperations): void {
  const path = join(checkpoints, entry);
  if (entry.startsWith(temporaryPrefix)) operations.remove(path);
  if (!entry.startsWith(replacedPrefix)) return;
  const name = entry.slice(replacedPrefix.length);
  if (stepOfName(name) === null) return;
  if (operations.exists(join(checkpoints, name))) operations.remove(path);
  else operations.rename(path, join(checkpoints, name));
}
