/**
 * Makes folders, one at a time and from the outside in. Node's own recursive mkdir tries for ever where a file system
 * takes no new folders and says that there is nothing (/proc), and calls a file in the way a folder that exists.
 */
import { mkdirSync, rmdirSync, type Stats, statfsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UserError } from '@unet-fleet/law';

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
  refused('ENOTDIR', 'not a directory', 'mkdir', path);

/** An error as the system's. */
const refused = (code: string, words: string, syscall: string, path: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: ${words}, ${syscall} '${path}'`), { code, syscall, path });

/**
 * Throws if a file can't take the place of what is there: a UserError for a device or pipe, which would be gone for
 * everybody, the system's error for a folder.
 */
export function assertReplaceable(path: string): void {
  const found = statIfThere(path);
  if (found === undefined || found.isFile()) return;
  if (found.isDirectory()) throw refused('EISDIR', 'illegal operation on a directory', 'open', path);
  throw new UserError(`${path} is a device or pipe, where a file is to be written: name another`);
}

/** File systems that show the system instead of holding files, by the numbers that Linux gives them. */
const systemViews = new Set([
  0x9fa0, 0x62656572, 0x63677270, 0x27e0eb, 0x64626720, 0x74726163, 0x73636673, 0x1cd1, 0xcafe4a11,
  0x62656570,
]);

/** Whether a folder is a view of the system, such as /proc and /sys, whose listing has no end worth waiting for. */
export function isSystemView(path: string): boolean {
  return systemViews.has(statfsSync(path).type);
}

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
