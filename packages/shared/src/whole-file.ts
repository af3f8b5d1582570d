/**
 * Files that are there whole or not at all: nobody finds half a picture where a command was interrupted, nor a temporary
 * file where a disk was full.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { atExit } from './at-exit.ts';
import { assertReplaceable } from './folders.ts';

/**
 * Writes `content` to `path` under a temporary name beside it, and renames. Rejects with the system's error, or a UserError
 * where something else than a file is there, and leaves what was there before. Not synced: a crash of the machine may lose it.
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  // A device that is replaced by a file is gone, for everybody.
  assertReplaceable(path);
  const temporary = temporaryOf(path);
  const isDone = atExit(() => rmSync(temporary, { force: true }));
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw named(error, path);
  } finally {
    isDone();
  }
}

/**
 * As `writeWhole`, for small files that programs write for programs, and at once: no other work comes between. `mode` is
 * that of a file that was not there before.
 */
export function writeWholeSync(path: string, content: string | Uint8Array, mode = 0o666): void {
  const temporary = temporaryOf(path);
  try {
    writeFileSync(temporary, content, { mode });
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw named(error, path);
  }
}

/** The system says nothing of the file when a write fails. */
const named = (error: unknown, path: string): unknown =>
  error instanceof Error && !('path' in error) ? Object.assign(error, { path }) : error;

/** Where the disk fails, the first failure is the one to tell. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Its folder is gone, or can't be written.
  }
}

const temporaryOf = (path: string): string => join(dirname(path), `.tmp-${process.pid}-${basename(path)}`);
