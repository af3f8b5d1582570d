/** Damages a small checkpoint in every place, and counts what was not found. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  DamagedCheckpoint,
  files,
  newestGoodCheckpoint,
  realFiles,
  verifyCheckpoint,
  weightsSha256,
  writeCheckpoint,
} from '@unet-fleet/record';
import { smallCheckpoint, weightsOf } from './small-checkpoint.ts';

export interface DamageFigures {
  sizeBytes: Record<string, number>;
  numFlipped: number;
  numCut: number;
  /** Of these, damage for which the checkpoint before was not only due, but loaded and compared. */
  numLoaded: number;
  /** Damage that was not found, or after which another checkpoint was used than the one before. */
  failures: string[];
}

export interface DamageOptions {
  /** Of the tensors' bytes and lengths, every n-th is tried; of manifest and sums all. 1: all of them. */
  stride: number;
  /** After every n-th damage the checkpoint before is loaded, which takes several times as long as finding it. */
  loadEvery: number;
}

/** Flips bytes and cuts at lengths, of each of the four files. Each damage must be found. */
export function tryDamage(folder: string, { stride, loadEvery }: DamageOptions): DamageFigures {
  const checkpoints = join(folder, 'checkpoints');
  // Nothing here is about a crash, and syncing takes most of the time.
  const operations = { ...realFiles, sync: () => {} };
  writeCheckpoint(checkpoints, smallCheckpoint(1), { operations });
  const { path } = writeCheckpoint(checkpoints, smallCheckpoint(2), { operations });
  const figures: DamageFigures = { sizeBytes: {}, numFlipped: 0, numCut: 0, numLoaded: 0, failures: [] };
  let numTried = 0;
  const expectFound = (what: string): void => {
    if (!isFound(path)) figures.failures.push(`${what}: not found`);
    if (numTried++ % loadEvery !== 0) return;
    figures.numLoaded++;
    if (!usesTheOneBefore(checkpoints)) figures.failures.push(`${what}: another one was used`);
  };
  for (const name of Object.values(files)) {
    const whole = readFileSync(join(path, name));
    figures.sizeBytes[name] = whole.length;
    const file = openSync(join(path, name), 'r+');
    const by = name.endsWith('.safetensors') ? stride : 1;
    for (let at = 0; at < whole.length; at += by) {
      writeSync(file, Uint8Array.of(whole[at]! ^ (1 << (at % 8))), 0, 1, at);
      expectFound(`${name}, byte ${at} flipped`);
      writeSync(file, whole, at, 1, at);
      figures.numFlipped++;
    }
    for (let length = whole.length - 1; length >= 0; length -= by) {
      ftruncateSync(file, length);
      expectFound(`${name}, cut to ${length} bytes`);
      figures.numCut++;
    }
    writeSync(file, whole, 0, whole.length, 0);
    closeSync(file);
  }
  if (!isUsed(checkpoints, 2)) figures.failures.push('the mended checkpoint is not used');
  return figures;
}

function isFound(path: string): boolean {
  try {
    verifyCheckpoint(path);
    return false;
  } catch (error) {
    if (error instanceof DamagedCheckpoint) return true;
    throw error;
  }
}

function isUsed(checkpoints: string, mark: number): boolean {
  const { vectors } = newestGoodCheckpoint(checkpoints);
  return weightsSha256(vectors.parameters, vectors.statistics) === weightsOf(mark);
}

const usesTheOneBefore = (checkpoints: string): boolean => isUsed(checkpoints, 1);
