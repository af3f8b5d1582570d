/** Files that are there whole or not at all: nobody finds half a picture where a command was interrupted. */
import { rmSync } from 'node:fs';
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
  const temporary = join(dirname(path), `.tmp-${process.pid}-${basename(path)}`);
  const isDone = atExit(() => rmSync(temporary, { force: true }));
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  } finally {
    isDone();
  }
}
