/** Which run folder is meant when none is named: the next free runs/NNNN for a new run, the newest for its use. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { holdsRun } from '@unet-fleet/coordinator/run-folder/run-folder';
import { UserError } from '@unet-fleet/shared';

const root = 'runs';
const isNumbered = (name: string): boolean => /^\d{4,}$/.test(name);

function numberedRuns(cwd: string): string[] {
  const folder = join(cwd, root);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter(isNumbered)
    .sort((a, b) => Number(a) - Number(b));
}

/** runs/0001, or the number after the highest there is. It is made by who takes the run's lock, not here. */
export function nextRunFolder(cwd: string): string {
  const number = Number(numberedRuns(cwd).at(-1) ?? 0) + 1;
  return join(cwd, root, String(number).padStart(4, '0'));
}

/** The newest numbered run that has a checkpoint to use. Throws a UserError when there is none. */
export function newestRunFolder(cwd: string): string {
  const folders = numberedRuns(cwd).map((name) => join(cwd, root, name));
  const newest = folders.findLast((folder) => hasEntries(join(folder, 'checkpoints')));
  if (newest) return newest;
  throw new UserError(
    `there is no run with a checkpoint in ${join(cwd, root)}: name a run folder with --run-dir, or train first`,
  );
}

/**
 * The newest numbered run there is, whether it has a checkpoint already or was ended before its first. Throws a UserError
 * when there is none.
 */
export function newestBegunFolder(cwd: string): string {
  const newest = numberedRuns(cwd)
    .map((name) => join(cwd, root, name))
    .findLast(holdsRun);
  if (newest) return newest;
  throw new UserError(
    `there is no run in ${join(cwd, root)} to go on with: name a run folder with --run-dir, or start one without --resume`,
  );
}

const hasEntries = (folder: string): boolean => existsSync(folder) && readdirSync(folder).length > 0;
