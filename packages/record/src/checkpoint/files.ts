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
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { makeFolder } from '@unet-fleet/shared';
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
    makeFolder(path);
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
  try {
    writeFile(temporary, operations, (file) => file.write(new TextEncoder().encode(text)));
    operations.rename(temporary, `${folder}/${name}`);
  } catch (error) {
    operations.remove(temporary);
    throw error;
  }
  syncFolder(folder, operations);
}
