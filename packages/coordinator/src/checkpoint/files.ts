/**
 * Durable files. What this file keeps true: a file counts as written only once it is on the disk (fsync), and the
 * hash is that of the bytes that were handed to the disk. The operations are passed in, so that a test can let any
 * one of them fail.
 */
import { createHash, type Hash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { exitCodes, UserError } from '@unet-fleet/shared';
import type { FileFacts } from './manifest.ts';

export interface FileOperations {
  open(path: string, flags: string): number;
  write(file: number, bytes: Uint8Array): number;
  sync(file: number): void;
  close(file: number): void;
  makeFolder(path: string): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  exists(path: string): boolean;
  list(path: string): string[];
}

export const realFiles: FileOperations = {
  open: (path, flags) => openSync(path, flags),
  write: (file, bytes) => writeSync(file, bytes),
  sync: (file) => fsyncSync(file),
  close: (file) => closeSync(file),
  makeFolder: (path) => {
    mkdirSync(path, { recursive: true });
  },
  rename: (from, to) => renameSync(from, to),
  remove: (path) => rmSync(path, { recursive: true, force: true }),
  exists: (path) => existsSync(path),
  list: (path) => readdirSync(path),
};

/** Small enough to stay in the processor's cache between hashing and writing. */
const chunkBytes = 1024 * 1024;

export const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

export class HashedFile {
  readonly #operations: FileOperations;
  readonly #file: number;
  readonly #hash: Hash = createHash('sha256');
  #sizeBytes = 0;

  constructor(path: string, operations: FileOperations) {
    this.#operations = operations;
    this.#file = operations.open(path, 'wx');
  }

  write(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.length; start += chunkBytes) {
      let chunk = bytes.subarray(start, start + chunkBytes);
      this.#hash.update(chunk);
      while (chunk.length > 0) chunk = chunk.subarray(this.#operations.write(this.#file, chunk));
    }
    this.#sizeBytes += bytes.length;
  }

  finish(): FileFacts {
    this.#operations.sync(this.#file);
    this.close();
    return { sizeBytes: this.#sizeBytes, sha256: this.#hash.digest('hex') };
  }

  close(): void {
    this.#operations.close(this.#file);
  }
}

/** Writes and syncs a whole new file; it is closed also when that fails. */
export function writeFile(
  path: string,
  operations: FileOperations,
  fill: (file: HashedFile) => void,
): FileFacts {
  const file = new HashedFile(path, operations);
  try {
    fill(file);
  } catch (error) {
    file.close();
    throw error;
  }
  return file.finish();
}

/** Makes the names in a folder durable. */
export function syncFolder(path: string, operations: FileOperations): void {
  const folder = operations.open(path, 'r');
  try {
    operations.sync(folder);
  } finally {
    operations.close(folder);
  }
}

/** Replaces a small file at once: a reader sees the old text or the new, also after a power cut. */
export function replaceFile(folder: string, name: string, text: string, operations: FileOperations): void {
  const temporary = `${folder}/.tmp-${name}-${process.pid}`;
  operations.remove(temporary);
  writeFile(temporary, operations, (file) => file.write(new TextEncoder().encode(text)));
  operations.rename(temporary, `${folder}/${name}`);
  syncFolder(folder, operations);
}

/**
 * Says in one sentence what a person can do about a failed file operation. What the system did not refuse is no
 * operating fault, and is passed through.
 */
export function userErrorOf(error: unknown, doing: string, path: string): unknown {
  const { code, syscall, path: where = path } = error as NodeJS.ErrnoException;
  const { usage, unavailable } = exitCodes;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new UserError(`No space is left on the disk of ${path} for ${doing}: free some`, unavailable);
    case 'EFBIG':
      return new UserError(
        `${doing} in ${path} is larger than the system lets a file be: raise the limit (ulimit -f)`,
        unavailable,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new UserError(
        `There is no permission to write ${path} for ${doing}: change its owner or mode`,
        usage,
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return new UserError(
        `${code === 'EEXIST' ? where : path} is in the way of ${doing}: it is no folder; move it`,
        usage,
      );
    case 'ENOENT':
      return new UserError(
        `${path} was removed during ${doing}: let nothing else change the run's folder`,
        unavailable,
      );
    case 'EIO':
      return new UserError(
        `The disk of ${path} reports an input/output error for ${doing}: check the disk`,
        unavailable,
      );
    default:
      if (code === undefined || syscall === undefined) return error;
      return new UserError(`${path} can't be written for ${doing} (${code}): check the disk`, unavailable);
  }
}
