/** Takes the members that are needed out of a wheel (a zip archive), never outside the folder that is named. */
import { createWriteStream } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Entry, openPromise } from 'yauzl';

const executableBits = 0o111;

/**
 * Unpacks members of an archive into `folder`, which must exist.
 * @param isNeeded by the member's path in the archive
 * @returns sizes of the files that were written, by path, in bytes
 */
export async function unpack(
  archive: string,
  folder: string,
  isNeeded: (path: string) => boolean,
  onBytes: (bytes: number) => void,
): Promise<Record<string, number>> {
  // yauzl refuses absolute paths and ".." on its own.
  const zip = await openPromise(archive, { lazyEntries: true, autoClose: false });
  const sizes: Record<string, number> = {};
  let numBytes = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      const path = entry.fileName;
      if (path.endsWith('/') || !isNeeded(path)) continue;
      const target = join(folder, path);
      await mkdir(dirname(target), { recursive: true });
      const source = await zip.openReadStreamPromise(entry);
      source.on('data', (chunk: Buffer) => {
        numBytes += chunk.length;
        onBytes(numBytes);
      });
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
