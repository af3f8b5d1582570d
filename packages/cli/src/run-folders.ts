/** Which run folder is meant when none is named: the next free runs/NNNN for a new run, the newest for its use. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
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

/** Makes runs/0001, or the number after the highest there is. Two runs started at once get two folders. */
export function createRunFolder(cwd: string): string {
  mkdirSync(join(cwd, root), { recursive: true });
  for (let number = Number(numberedRuns(cwd).at(-1) ?? 0) + 1; ; number++) {
    const folder = join(cwd, root, String(number).padStart(4, '0'));
    try {
      mkdirSync(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** The run folder with the highest number. Throws a UserError when there is none. */
export function newestRunFolder(cwd: string): string {
  const newest = numberedRuns(cwd).at(-1);
  if (newest) return join(cwd, root, newest);
  throw new UserError(
    `there is no run in ${join(cwd, root)}: name a run folder with --run-dir, or train first`,
  );
}
