/**
 * The checkpoints of a run: which is the newest good one, which the best, which may go. There are no pointer files
 * that could be out of date: the newest manifest says which step scored best, and a checkpoint's name says its step.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UserError } from '@unet-fleet/law';
import { explained } from '@unet-fleet/shared';
import { realFiles, syncFolder } from './files.ts';
import { checkpointName, files, type Manifest, removedPrefix, replacedOf, stepOfName } from './manifest.ts';
import {
  DamagedCheckpoint,
  type LoadedCheckpoint,
  loadCheckpoint,
  readManifest,
  verifyCheckpoint,
} from './read.ts';
import type { WriteOptions } from './write.ts';

export interface CheckpointChoice {
  /** Told of each damaged checkpoint that is passed over. */
  onDamaged?: (damaged: DamagedCheckpoint) => void;
  /** Why a good one is none to go on from; null for one that is. */
  reasonAgainst?: (manifest: Manifest) => string | null;
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

/**
 * Folders of the checkpoints by their names, newest first. One that is being replaced at this moment, or whose
 * replacement was cut short, is where it was moved to.
 */
function foldersOf(checkpoints: string): Map<string, string> {
  const entries = readdirSync(checkpoints);
  const replaced = entries.flatMap((entry) => {
    const name = replacedOf(entry);
    return name === null || entries.includes(name) ? [] : [[name, entry] as const];
  });
  const all = [...listCheckpoints(checkpoints).map((name) => [name, name] as const), ...replaced];
  return new Map(all.sort(([a], [b]) => stepOfName(b)! - stepOfName(a)!));
}

/** Whether there is a checkpoint, good or damaged. */
export const holdsCheckpoint = (checkpoints: string): boolean =>
  existsSync(checkpoints) && foldersOf(checkpoints).size > 0;

function listOrExplain(checkpoints: string): Map<string, string> {
  if (!existsSync(checkpoints)) {
    throw new UserError(
      `There is no folder ${checkpoints}: name the folder of a run that has trained, or start one with unet-fleet train.`,
    );
  }
  if (!statSync(checkpoints).isDirectory()) {
    throw new UserError(`${checkpoints} is a file: name the folder of a run, or one of its checkpoints.`);
  }
  const folders = foldersOf(checkpoints);
  if (folders.size === 0) {
    throw new UserError(
      `There is no checkpoint in ${checkpoints}: the run was stopped before its first, so start it anew with unet-fleet train.`,
    );
  }
  return folders;
}

/** Loads the first of these folders that is good. */
function firstGood(
  checkpoints: string,
  folders: Iterable<string>,
  choice: CheckpointChoice,
): LoadedCheckpoint {
  const reasons: string[] = [];
  for (const name of folders) {
    try {
      const loaded = loadCheckpoint(join(checkpoints, name));
      const reason = choice.reasonAgainst?.(loaded.manifest) ?? null;
      if (reason === null) return loaded;
      reasons.push(`${name} (${reason})`);
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
  firstGood(checkpoints, listOrExplain(checkpoints).values(), choice);

/** Name of the checkpoint with the best validation so far; null if none was validated or it is gone. */
export const bestCheckpointName = (checkpoints: string): string | null =>
  bestOf(checkpoints, foldersOf(checkpoints));

function bestOf(checkpoints: string, folders: Map<string, string>): string | null {
  for (const folder of folders.values()) {
    try {
      const { best } = readManifest(join(checkpoints, folder)).progress;
      const name = best && checkpointName(best.step);
      return name !== null && folders.has(name) ? name : null;
    } catch (error) {
      if (!(error instanceof DamagedCheckpoint)) throw error;
    }
  }
  return null;
}

/** Loads the best checkpoint; if that is damaged or none was validated, the newest good one. Throws as that does. */
export function bestCheckpoint(checkpoints: string, choice: CheckpointChoice = {}): LoadedCheckpoint {
  const folders = listOrExplain(checkpoints);
  const best = folders.get(bestOf(checkpoints, folders) ?? '');
  const inOrder = new Set(best === undefined ? [] : [best]);
  for (const folder of folders.values()) inOrder.add(folder);
  return firstGood(checkpoints, inOrder, choice);
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
 * Removes all but the newest `keep` checkpoints, the best one, and the newest good one; returns the names of those
 * removed. `knownGood` names one that was just written, which saves reading them. Throws a UserError if the folder may not be changed.
 */
export function pruneCheckpoints(
  checkpoints: string,
  keep: number,
  knownGood: string | null = null,
  options: WriteOptions = {},
): string[] {
  const names = listCheckpoints(checkpoints);
  const kept = keptOf(checkpoints, names, keep, knownGood);
  const removed = names.filter((name) => !kept.has(name));
  removeCheckpoints(checkpoints, removed, options);
  return removed;
}

/** Removes checkpoints such that a crash leaves none that looks damaged. Throws as pruneCheckpoints does. */
export function removeCheckpoints(
  checkpoints: string,
  names: readonly string[],
  { operations = realFiles, assertMayWrite = () => {} }: WriteOptions = {},
): void {
  try {
    for (const name of names) {
      assertMayWrite();
      // Its name goes first.
      const leaving = join(checkpoints, `${removedPrefix}${name}`);
      operations.remove(leaving);
      operations.rename(join(checkpoints, name), leaving);
      operations.remove(leaving);
    }
    if (names.length > 0) syncFolder(checkpoints, operations);
  } catch (error) {
    throw explained(error, { what: 'removing old checkpoints', path: checkpoints });
  }
}

function keptOf(checkpoints: string, names: string[], keep: number, knownGood: string | null): Set<string> {
  const kept = new Set(names.slice(0, Math.max(1, keep)));
  const best = bestCheckpointName(checkpoints);
  if (best !== null) kept.add(best);
  // The best may be good and older: the run would go back to it.
  const good = knownGood ?? names.find((name) => isGood(join(checkpoints, name)));
  if (good !== undefined) kept.add(good);
  return kept;
}
