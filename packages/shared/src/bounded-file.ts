/**
 * Reads files that people name without ever waiting for one that does not come: a path, or a file that is damaged, can
 * name a film, a device that never ends, or a pipe that nobody writes into, which a plain open waits for for ever.
 */
import { closeSync, constants, openSync, readSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { UserError } from '@unet-fleet/law';

const chunkBytes = 64 * 1024;
/** Of a pipe, such as the shell's <(command): for its next bytes. */
const patienceMs = 10_000;
const pauseMs = 10;
/** Pipes are opened at once, whether somebody writes or not; for files it changes nothing. */
const atOnce = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * All bytes of a file that should be small. Throws a UserError if there are more than `maxBytes`, or of a pipe or device
 * none for 10 s, else the system's error, such as ENOENT.
 */
export function readBounded(path: string, maxBytes: number): Buffer {
  const file = openSync(path, atOnce);
  try {
    const chunks: Buffer[] = [];
    let numBytes = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const numRead = readWaiting(file, chunk, path);
      if (numRead === 0) return Buffer.concat(chunks, numBytes);
      numBytes += numRead;
      if (numBytes > maxBytes) {
        throw new UserError(
          `${path} has more than the ${maxBytes} bytes that are read of such a file: check that it is the right one`,
        );
      }
      chunks.push(chunk.subarray(0, numRead));
    }
  } finally {
    closeSync(file);
  }
}

function readWaiting(file: number, chunk: Buffer, path: string): number {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += pauseMs) {
    try {
      return readSync(file, chunk, 0, chunk.length, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, pauseMs);
    }
  }
  throw new UserError(`nothing comes from ${path}, which is no plain file: check that it is the right one`);
}

/** Opens a plain file for reading. Rejects with a UserError for anything else, else with the system's error. */
export async function openPlain(path: string): Promise<FileHandle> {
  const file = await open(path, atOnce);
  try {
    const kind = kindOf(await file.stat());
    if (kind !== null) throw new UserError(`${path} is ${kind}, where a file is wanted: check the path`);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** All bytes of a plain file, as openPlain. */
export async function readPlain(path: string): Promise<Buffer> {
  const file = await openPlain(path);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** What something other than a plain file is; null for one. */
export function kindOf(stats: Pick<Stats, 'isFile' | 'isDirectory' | 'isFIFO' | 'isSocket'>): string | null {
  if (stats.isFile()) return null;
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}
