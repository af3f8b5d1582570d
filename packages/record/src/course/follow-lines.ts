/**
 * Lines of a file of JSON that may grow: each call gives those that came since the one before. Reading goes in slices
 * that let other work in between, because a live run's coordinator reads its own past here.
 */
import type { FileHandle } from 'node:fs/promises';
import { openPlain } from '@unet-fleet/shared';
import { newline, parsed } from '../run-folder/json-lines.ts';

const sliceBytes = 256 * 1024;
/** No run writes a longer line; it is passed over. */
const maxLineBytes = 16 * 1024 * 1024;

export interface FollowedFile {
  path: string;
  /** Of what was read: the beginning of the next line. */
  offsetBytes: number;
  /** Of the file that was read: another one under the same name is read from its beginning. */
  inode: number;
  /** What stands before the offset: a file that was cut and has grown again has something else there. */
  before: Buffer;
}

/** Longer than the time that every line has. */
const beforeBytes = 64;

export const fromBeginning = (path: string): FollowedFile => ({
  path,
  offsetBytes: 0,
  inode: 0,
  before: Buffer.alloc(0),
});

/**
 * Calls `onLine` with each new whole line's value (undefined when it is no JSON object). `onAnew` comes first when the file was
 * replaced or cut, so that it is read from its beginning again. A missing file has no lines.
 */
export async function readNewLines(
  followed: FollowedFile,
  onLine: (value: unknown) => void,
  onAnew: () => void,
): Promise<void> {
  const file = await openPlain(followed.path).catch(() => null);
  if (!file) return;
  try {
    const { ino, size } = await file.stat();
    if (followed.inode !== ino || size < followed.offsetBytes || !(await hasSameBefore(file, followed))) {
      if (followed.offsetBytes > 0) onAnew();
      Object.assign(followed, fromBeginning(followed.path), { inode: ino });
    }
    let rest = Buffer.alloc(0);
    let position = followed.offsetBytes;
    for (;;) {
      const slice = Buffer.allocUnsafe(sliceBytes);
      const { bytesRead } = await file.read(slice, 0, sliceBytes, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      const bytes =
        rest.length === 0
          ? slice.subarray(0, bytesRead)
          : Buffer.concat([rest, slice.subarray(0, bytesRead)]);
      let start = 0;
      for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, start)) {
        onLine(parsed(bytes.subarray(start, end)));
        start = end + 1;
      }
      if (start > 0) followed.before = Buffer.from(bytes.subarray(Math.max(0, start - beforeBytes), start));
      followed.offsetBytes += start;
      rest = bytes.subarray(start);
      if (rest.length <= maxLineBytes) continue;
      // What is left of such a line is no JSON either.
      followed.offsetBytes += rest.length;
      followed.before = Buffer.from(rest.subarray(-beforeBytes));
      rest = Buffer.alloc(0);
    }
  } finally {
    await file.close();
  }
}

async function hasSameBefore(file: FileHandle, { offsetBytes, before }: FollowedFile): Promise<boolean> {
  const there = Buffer.alloc(before.length);
  await file.read(there, 0, before.length, offsetBytes - before.length);
  return there.equals(before);
}
