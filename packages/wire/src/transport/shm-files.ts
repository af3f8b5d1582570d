/** What bulk transfer over files asks of tmpfs: all of it at once, without a turn of the event loop. */
import {
  closeSync,
  openSync,
  readdirSync,
  readSync,
  readvSync,
  renameSync,
  rmSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { makeFolder } from '@unet-fleet/shared';

export interface ShmFiles {
  makeFolder(path: string): void;
  /** A new file, empty; null if its folder is gone. */
  open(path: string): number | null;
  /** From the file's beginning. */
  write(file: number, header: Uint8Array, bytes: Uint8Array): void;
  close(file: number): void;
  /** False if there is none. An open file keeps its pages under its new name. */
  rename(from: string, to: string): boolean;
  /** If it is there. Whoever has it open can go on with it, seen by nobody. */
  remove(path: string): void;
  list(folder: string): string[];
  /**
   * Fills the vectors and returns how many bytes there were; then `headerAfter`, from the file's beginning again. Throws if
   * there is no such file.
   */
  read(path: string, into: [Uint8Array, Uint8Array], headerAfter: Uint8Array): number;
}

export const realShmFiles: ShmFiles = {
  makeFolder: (path) => void makeFolder(path, 0o700),
  open: (path) => unlessMissing(() => openSync(path, 'w', 0o600)),
  write(file, header, bytes) {
    const numBytes = header.byteLength + bytes.byteLength;
    // What a full tmpfs takes of it is no error; the rest is one.
    let done = writevSync(file, [header, bytes], 0);
    while (done < numBytes) {
      done += writeSync(file, bytes, done - header.byteLength, numBytes - done, done);
    }
  },
  close: closeSync,
  rename(from, to) {
    const isThere = unlessMissing(() => {
      renameSync(from, to);
      return true;
    });
    return isThere ?? false;
  },
  remove: (path) => rmSync(path, { force: true }),
  list: (folder) => readdirSync(folder),
  read(path, into, headerAfter) {
    const file = openSync(path, 'r');
    try {
      const numBytes = readvSync(file, into, 0);
      readSync(file, headerAfter, 0, headerAfter.byteLength, 0);
      return numBytes;
    } finally {
      closeSync(file);
    }
  },
};

/** Null for a file or folder that is not there: the coordinator removes what a peer has left that it takes for gone. */
function unlessMissing<T>(act: () => T): T | null {
  try {
    return act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
