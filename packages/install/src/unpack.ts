/**
 * Takes the members that are needed out of a wheel (a zip archive), never outside the folder that is named and never
 * more than was said to be in it.
 */
import { createWriteStream } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { printable, UserError } from '@unet-fleet/law';
import { makeFolder } from '@unet-fleet/shared';
import { type Entry, openPromise, type ZipFile } from 'yauzl';

const executableBits = 0o111;

/**
 * Unpacks members of an archive into `folder`, which must exist.
 * @param isNeeded by the member's path in the archive
 * @param maxBytes of all that is written
 * @returns sizes of the files that were written, by path, in bytes
 * @throws UserError if the archive is damaged or holds more than it should; the system's error if the disk fails
 */
export async function unpack(
  archive: string,
  folder: string,
  isNeeded: (path: string) => boolean,
  onBytes: (bytes: number) => void,
  maxBytes: number,
): Promise<Record<string, number>> {
  try {
    // yauzl refuses absolute paths and ".." on its own, and what inflates to another size than the archive says.
    const zip = await openPromise(archive, { lazyEntries: true, autoClose: false });
    return await unpackMembers(zip, folder, isNeeded, onBytes, maxBytes);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    // What the system says (a full disk) is the caller's to tell; the rest is about the archive's content.
    if (error instanceof UserError || (isSystemCode.test(code) && !contentCodes.has(code))) throw error;
    throw new UserError(`${archive} is damaged (${printable(message, 200)}): remove it and fetch it again`);
  }
}

const isSystemCode = /^E[A-Z0-9]+$/;
/** Codes of the system for names in the archive that no file can have, or that two members claim. */
const contentCodes = new Set(['EISDIR', 'ENOTDIR', 'EEXIST', 'ENAMETOOLONG', 'EINVAL']);

async function unpackMembers(
  zip: ZipFile,
  folder: string,
  isNeeded: (path: string) => boolean,
  onBytes: (bytes: number) => void,
  maxBytes: number,
): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  let numBytes = 0;
  let claimedBytes = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      const path = entry.fileName;
      if (path.endsWith('/') || !isNeeded(path)) continue;
      claimedBytes += entry.uncompressedSize;
      if (claimedBytes > maxBytes)
        throw new Error(`it holds more than the ${maxBytes} bytes that are expected`);
      const target = join(folder, path);
      makeFolder(dirname(target));
      const source = await zip.openReadStreamPromise(entry);
      source.on('data', (chunk: Buffer) => {
        numBytes += chunk.length;
        onBytes(numBytes);
      });
      // pipeline reports the first fault and forgets the stream; a second one (after the disk's, the archive's) would
      // end the process.
      source.on('error', () => {});
      await pipeline(source, createWriteStream(target));
      if (isExecutable(entry)) await chmod(target, 0o755);
      sizes[path] = entry.uncompressedSize;
    }
  } finally {
    zip.close();
  }
  return sizes;
}

/** Unix mode bits lie in the upper half of an entry's attributes. */
const isExecutable = (entry: Entry): boolean =>
  ((entry.externalFileAttributes >>> 16) & executableBits) !== 0;
