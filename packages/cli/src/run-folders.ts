/**
 * Which run is meant. One rule for every command: a run is named by an argument or by --run-dir, as a path or by its
 * number or name in runs/; where neither is given, it is the newest. A new run takes the next free number there.
 */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError } from '@unet-fleet/law';
import { holdsRun } from '@unet-fleet/record';
import { explained, isErrno, makeFolder } from '@unet-fleet/shared';
import { type Command, Option } from 'commander';
import type { Io } from './io.ts';

const root = 'runs';
const isNumbered = (name: string): boolean => /^\d{4,}$/.test(name);
/** More than there can be other starts that take the number first. */
const maxAttempts = 10_000;

function numberedRuns(cwd: string): string[] {
  const folder = join(cwd, root);
  try {
    return readdirSync(folder)
      .filter(isNumbered)
      .sort((a, b) => Number(a) - Number(b));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw explained(error, { what: 'runs', path: folder, instead: 'or name a run folder with --run-dir' });
  }
}

/**
 * Makes runs/0001, or the folder of the number after the highest there is, and returns its path: whoever makes it has
 * it, however many start at once. Throws a UserError if no folder can be made there.
 */
export function claimRunFolder(cwd: string): string {
  const instead = 'or name a run folder with --run-dir';
  try {
    makeFolder(join(cwd, root));
    let number = Number(numberedRuns(cwd).at(-1) ?? 0) + 1;
    for (let attempt = 0; attempt < maxAttempts; attempt++, number++) {
      const folder = join(cwd, root, String(number).padStart(4, '0'));
      try {
        mkdirSync(folder);
        return folder;
      } catch (error) {
        if (!isErrno(error, 'EEXIST')) throw error;
      }
    }
  } catch (error) {
    throw explained(error, { what: 'a new run', path: join(cwd, root), instead });
  }
  throw new UserError(
    `no number is free for a new run in ${join(cwd, root)}: move old runs away, ${instead}`,
  );
}

export interface RunNameFlags {
  runDir?: string;
}

/** `--run-dir` of a command that uses a run. */
export const runDirOption = (what: string): Option =>
  new Option('--run-dir <run>', `${what}: its folder, or its number or name in runs; default: the newest`);

/** Adds the argument [run] and --run-dir. */
export const addRunName = (command: Command): Command =>
  command
    .argument('[run]', 'the run: its folder, or its number or name in runs; default: the newest')
    .addOption(runDirOption('the run, as an option'));

/**
 * The folder of the run that the argument, --run-dir or UNET_FLEET_RUN_DIR names, else the newest one. Throws a UserError
 * if argument and option name different runs, a name is empty, or there is no run to take.
 */
export function namedRunDir(
  { runDir }: RunNameFlags,
  io: Io,
  argument?: string,
  newest: (cwd: string) => string = newestRun,
): string {
  const given = [argument, runDir].filter((name) => name !== undefined).map((name) => runFolderOf(name, io));
  if (given.length > 1 && given[0] !== given[1]) {
    throw new UserError(
      `two runs are named, ${argument} and --run-dir ${runDir}: name the one that is meant`,
    );
  }
  const variable = io.env.UNET_FLEET_RUN_DIR;
  return given[0] ?? (variable ? runFolderOf(variable, io) : newest(io.cwd));
}

/** A path, or a number or name in runs. What is there as a path is meant so. */
export function runFolderOf(name: string, io: Io): string {
  if (name === '') throw new UserError('the name of a run is empty: give its folder, or leave it out');
  const path = resolve(io.cwd, name);
  if (name.includes('/') || existsSync(path)) return path;
  if (name === 'latest') return newestRun(io.cwd);
  const numbered = /^\d{1,4}$/.test(name) ? name.padStart(4, '0') : name;
  const below = join(io.cwd, root, numbered);
  return holdsRun(below) ? below : path;
}

/**
 * The newest numbered run, whether it has a checkpoint already or was ended before its first. Throws a UserError when
 * there is none.
 */
function newestRun(cwd: string): string {
  const newest = numberedRuns(cwd)
    .map((name) => join(cwd, root, name))
    .findLast(holdsRun);
  if (newest) return newest;
  throw new UserError(
    `there is no run in ${join(cwd, root)}: name a run folder with --run-dir, or train first`,
  );
}

/** The newest numbered run that has a checkpoint to use. Throws a UserError when there is none. */
export function newestTrainedRun(cwd: string): string {
  const folders = numberedRuns(cwd).map((name) => join(cwd, root, name));
  const newest = folders.findLast((folder) => hasEntries(join(folder, 'checkpoints')));
  if (newest) return newest;
  throw new UserError(
    `there is no run with a checkpoint in ${join(cwd, root)}: name a run folder with --run-dir, or train first`,
  );
}

const hasEntries = (folder: string): boolean =>
  statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true && readdirSync(folder).length > 0;
