/**
 * Writing a checkpoint. Under a temporary name in the same folder, every file synced, renamed, the folder synced: at
 * any moment a crash leaves either no new checkpoint or a whole one. Only the holder of the run's lock writes: it is
 * asked again right before each change that others see.
 */
import { createHash, randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { describeModel, modelTitle, type Step, stepTo } from '@unet-fleet/law';
import { explained } from '@unet-fleet/shared';
import { bytesOf, type FileOperations, realFiles, syncFolder, writeFile } from './files.ts';
import {
  type CheckpointFacts,
  type CheckpointVectors,
  checkpointName,
  encodeManifest,
  files,
  formatVersion,
  type Manifest,
  removedPrefix,
  replacedName,
  replacedOf,
  sumsText,
} from './manifest.ts';
import { writeModel, writeOptimizer } from './tensors.ts';

const temporaryPrefix = '.tmp-';

export interface CheckpointContent {
  facts: CheckpointFacts;
  /** Names of the optimizer's state vectors. */
  slotNames: string[];
  vectors: CheckpointVectors;
}

export interface WrittenCheckpoint {
  path: string;
  name: string;
  step: Step;
  weightsSha256: string;
  /** Of its four files. */
  sizeBytes: number;
}

/** How a checkpoint reaches the disk. */
export interface WriteOptions {
  operations?: FileOperations;
  /** Throws unless this coordinator still holds the run's lock. */
  assertMayWrite?: () => void;
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
function fillFolder(
  folder: string,
  content: CheckpointContent,
  operations: FileOperations,
): { manifest: Manifest; sizeBytes: number } {
  const { facts, slotNames, vectors } = content;
  const model = describeModel(facts.model);
  const step = stepTo(facts.progress.version);
  const { numClasses, inChannels } = facts.model;
  // Nothing of this run alone: equal weights make equal files, in whatever run.
  const metadata = {
    format: 'pt',
    step: String(step),
    model: `${modelTitle(facts.model)}, ${inChannels} channels, ${numClasses} classes`,
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
  const manifestFacts = writeText(files.manifest, encodeManifest(manifest));
  const sumsFacts = writeText(files.sums, sumsText(manifestFacts.sha256, manifest));
  syncFolder(folder, operations);
  const all = [modelFacts, optimizerFacts, manifestFacts, sumsFacts];
  return { manifest, sizeBytes: all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

/**
 * Writes a checkpoint into a checkpoints folder, which is made if it is missing. One of the same step is replaced.
 * Throws a UserError if the disk is full or may not be written; then nothing of the new checkpoint is left and the
 * older ones are as they were.
 */
export function writeCheckpoint(
  checkpoints: string,
  content: CheckpointContent,
  { operations = realFiles, assertMayWrite = () => {} }: WriteOptions = {},
): WrittenCheckpoint {
  assertFits(content);
  const name = checkpointName(stepTo(content.facts.progress.version));
  const path = join(checkpoints, name);
  const temporary = join(checkpoints, `${temporaryPrefix}${name}-${randomUUID()}`);
  try {
    assertMayWrite();
    makeCheckpoints(checkpoints, operations);
    operations.makeFolder(temporary);
    const { manifest, sizeBytes } = fillFolder(temporary, content, operations);
    assertMayWrite();
    if (operations.exists(path)) replace(checkpoints, name, temporary, operations);
    else operations.rename(temporary, path);
    syncFolder(checkpoints, operations);
    return { path, name, step: manifest.step, weightsSha256: manifest.weightsSha256, sizeBytes };
  } catch (error) {
    try {
      operations.remove(temporary);
    } catch {
      // The first failure is the one to tell of; the folder is tidied before the next checkpoint.
    }
    throw explained(error, { what: `checkpoint ${name}`, path: checkpoints });
  }
}

function makeCheckpoints(checkpoints: string, operations: FileOperations): void {
  if (operations.exists(checkpoints)) return;
  operations.makeFolder(checkpoints);
  syncFolder(dirname(checkpoints), operations);
}

/**
 * A folder cannot be replaced at once. Between the two renames readers find the old one under its other name, and
 * `tidyCheckpoints` puts it back if nobody comes to do the second.
 */
function replace(checkpoints: string, name: string, temporary: string, operations: FileOperations): void {
  const path = join(checkpoints, name);
  const replaced = join(checkpoints, replacedName(name));
  operations.remove(replaced);
  operations.rename(path, replaced);
  try {
    operations.rename(temporary, path);
  } catch (error) {
    operations.rename(replaced, path);
    throw error;
  }
  syncFolder(checkpoints, operations);
  operations.remove(replaced);
}

/**
 * Removes what writers that died have left, and puts a checkpoint back whose replacement was interrupted. Only for
 * the holder of the run's lock, before it writes: then whatever is unfinished is nobody's. Throws a UserError if the
 * folder may not be changed.
 */
export function tidyCheckpoints(checkpoints: string, { operations = realFiles }: WriteOptions = {}): void {
  if (!operations.exists(checkpoints)) return;
  try {
    for (const entry of operations.list(checkpoints)) tidyEntry(checkpoints, entry, operations);
  } catch (error) {
    throw explained(error, { what: 'checkpoints', path: checkpoints });
  }
}

/** Removes what was being written, under the same condition. */
export function removeUnfinished(checkpoints: string, operations: FileOperations = realFiles): void {
  if (!operations.exists(checkpoints)) return;
  for (const entry of operations.list(checkpoints)) {
    if (entry.startsWith(temporaryPrefix)) operations.remove(join(checkpoints, entry));
  }
}

function tidyEntry(checkpoints: string, entry: string, operations: FileOperations): void {
  const path = join(checkpoints, entry);
  if (entry.startsWith(temporaryPrefix) || entry.startsWith(removedPrefix)) operations.remove(path);
  const name = replacedOf(entry);
  if (name === null) return;
  if (operations.exists(join(checkpoints, name))) operations.remove(path);
  else operations.rename(path, join(checkpoints, name));
}
