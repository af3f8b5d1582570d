/**
 * Reads a file that should be small into memory, and stops at the size that it may have: a path that a person gives, or
 * a file that is damaged, can name a film or a device that never ends.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { UserError } from './errors.ts';

const chunkBytes = 64 * 1024;

/**
 * All bytes of a file. Throws a UserError if there are more than `maxBytes`, else the system's error, such as ENOENT.
 */
export function readBounded(path: string, maxBytes: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const chunks: Buffer[] = [];
    let numBytes = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const numRead = readSync(file, chunk, 0, chunkBytes, null);
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
