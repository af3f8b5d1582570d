/**
 * Makes folders, one at a time and from the outside in. Node's own recursive mkdir tries for ever where a file system
 * takes no new folders and says that there is nothing (/proc), and calls a file in the way a folder that exists.
 */
import { mkdirSync, rmdirSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes the folder and those above it that are missing; returns the made ones, outermost first. Throws the system's
 * error, with the path that is at fault: ENOTDIR for something in the way that is no folder.
 */
export function makeFolder(path: string, mode?: number): string[] {
  const missing: string[] = [];
  for (let at = resolve(path); !isFolder(at); at = dirname(at)) missing.unshift(at);
  return missing.filter((folder) => makeOne(folder, mode));
}

/** Whether this call made it; another process may be quicker. */
function makeOne(folder: string, mode: number | undefined): boolean {
  try {
    mkdirSync(folder, { mode });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // What is there may be a link that leads nowhere: it is in the way as well.
    if (!isFolder(folder)) throw inTheWay(folder);
    return false;
  }
}

function isFolder(path: string): boolean {
  const found = statIfThere(path);
  if (found === undefined) return false;
  if (!found.isDirectory()) throw inTheWay(path);
  return true;
}

function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // Something above is no folder, which is found when it is looked at.
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}

const inTheWay = (path: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), {
    code: 'ENOTDIR',
    syscall: 'mkdir',
    path,
  });

/** Removes folders that were made and are empty again, innermost first; what is in use by then stays. */
export function removeIfEmpty(folders: readonly string[]): void {
  for (const folder of folders.toReversed()) {
    try {
      rmdirSync(folder);
    } catch {
      return;
    }
  }
}
