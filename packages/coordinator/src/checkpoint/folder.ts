/**
 * The checkpoints of a run: which is the newest good one, which the best, which may go. There are no pointer files
 * that could be out of date: the newest manifest says which step scored best, and a checkpoint's name says its step.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UserError } from '@unet-fleet/shared';
import { type FileOperations, realFiles, userErrorOf } from './files.ts';
import { checkpointName, files, stepOfName } from './manifest.ts';
import {
  DamagedCheckpoint,
  type LoadedCheckpoint,
  loadCheckpoint,
  readManifest,
  verifyCheckpoint,
} from './read.ts';

export interface CheckpointChoice {
  /** Told of each damaged checkpoint that is passed over. */
  onDamaged?: (damaged: DamagedCheckpoint) => void;
}

/** Names of the checkpoints in a folder, newest first. Those being written are not among them. */
export function listCheckpoints(checkpoints: string): string[] {
  return readdirSync(checkpoints)
    .flatMap((name) => {
      const step = stepOfName(name);
      return step === null ? [] : [{ name, step }];
    })
    .sort((a, b) => b.step - a.step)
    .map(({ name }) => name);
}

function listOrExplain(checkpoints: string): string[] {
  if (!existsSync(checkpoints)) {
    throw new UserError(
      `There is no folder ${checkpoints}: name the folder of a run that has trained, or start one with unet-fleet train.`,
    );
  }
  if (!statSync(checkpoints).isDirectory()) {
    throw new UserError(`${checkpoints} is a file: name the folder of a run, or one of its checkpoints.`);
  }
  const names = listCheckpoints(checkpoints);
  if (names.length === 0) {
    throw new UserError(
      `There is no checkpoint in ${checkpoints}: the run was stopped before its first, so start it anew with unet-fleet train.`,
    );
  }
  return names;
}

/** Loads the first of these that is good. */
function firstGood(checkpoints: string, names: string[], choice: CheckpointChoice): LoadedCheckpoint {
  const reasons: string[] = [];
  for (const name of names) {
    try {
      return loadCheckpoint(join(checkpoints, name));
    } catch (error) {
      if (!(error instanceof DamagedCheckpoint)) throw error;
      choice.onDamaged?.(error);
      reasons.push(`${name} (${error.reason})`);
    }
  }
  throw new UserError(
    `None of the checkpoints in ${checkpoints} can be used: ${reasons.join(', ')}; restore one from a copy, or start the run anew.`,
  );
}

/**
 * Loads the newest checkpoint of which every hash is right, passing over damaged ones. Throws a UserError when the
 * folder is missing or empty, or holds no good one (then it lists why).
 */
export const newestGoodCheckpoint = (checkpoints: string, choice: CheckpointChoice = {}): LoadedCheckpoint =>
  firstGood(checkpoints, listOrExplain(checkpoints), choice);

/** Name of the checkpoint with the best validation so far; null if none was validated or it is gone. */
export function bestCheckpointName(checkpoints: string): string | null {
  const names = listCheckpoints(checkpoints);
  for (const name of names) {
    try {
      const { best } = readManifest(join(checkpoints, name)).progress;
      const bestName = best && checkpointName(best.step);
      return bestName !== null && names.includes(bestName) ? bestName : null;
    } catch (error) {
      if (!(error instanceof DamagedCheckpoint)) throw error;
    }
  }
  return null;
}

/** Loads the best checkpoint; if that is damaged or none was validated, the newest good one. Throws as that does. */
export function bestCheckpoint(checkpoints: string, choice: CheckpointChoice = {}): LoadedCheckpoint {
  const names = listOrExplain(checkpoints);
  const best = bestCheckpointName(checkpoints);
  return firstGood(checkpoints, best === null ? names : [best, ...names.filter((n) => n !== best)], choice);
}

/**
 * Loads what a person named: a checkpoint (which then must be good), a run's folder or its checkpoints folder (of
 * which the best or the newest good one is taken).
 */
export function openCheckpoint(
  path: string,
  which: 'best' | 'newest',
  choice: CheckpointChoice = {},
): LoadedCheckpoint {
  if (stepOfName(basename(path)) !== null || existsSync(join(path, files.manifest))) {
    if (!existsSync(path)) {
      throw new UserError(
        `There is no checkpoint ${path}: the run's folder checkpoints/ shows which there are.`,
      );
    }
    try {
      return loadCheckpoint(path);
    } catch (error) {
      if (!(error instanceof DamagedCheckpoint)) throw error;
      throw new UserError(
        `The checkpoint ${path} is damaged (${error.reason}): name another, or the run's folder to take its newest good one.`,
      );
    }
  }
  const inner = join(path, 'checkpoints');
  const folder = existsSync(inner) ? inner : path;
  return which === 'best' ? bestCheckpoint(folder, choice) : newestGoodCheckpoint(folder, choice);
}

const isGood = (path: string): boolean => {
  try {
    verifyCheckpoint(path);
    return true;
  } catch (error) {
    if (error instanceof DamagedCheckpoint) return false;
    throw error;
  }
};

/**
 * Removes all but the newest `keep` checkpoints and the best one; returns the names of those removed. If none of
 * those is good, the newest good one stays too. `knownGood` names one that was just written, which saves reading
 * them all.
 */
export function pruneCheckpoints(
  checkpoints: string,
  keep: number,
  knownGood: string | null = null,
  operations: FileOperations = realFiles,
): string[] {
  const names = listCheckpoints(checkpoints);
  const best = bestCheckpointName(checkpoints);
  const kept = new Set(names.slice(0, Math.max(1, keep)));
  if (best !== null) kept.add(best);
  if (knownGood !== null) kept.add(knownGood);
  if (knownGood === null && ![...kept].some((name) => isGood(join(checkpoints, name)))) {
    const lastGood = names.find((name) => !kept.has(name) && isGood(join(checkpoints, name)));
    if (lastGood !== undefined) kept.add(lastGood);
  }
  const removed = names.filter((name) => !kept.has(name));
  try {
    for (const name of removed) operations.remove(join(checkpoints, name));
  } catch (error) {
    throw userErrorOf(error, 'removing old checkpoints', checkpoints);
  }
  return removed;
}
