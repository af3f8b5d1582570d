/**
 * Reading a checkpoint. Nothing of it is used before every byte has been checked against its hash; a checkpoint that
 * fails is named with the reason.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { basename, join } from 'node:path';
import { explained } from '@unet-fleet/shared';
import { type CheckpointVectors, type FileFacts, files, type Manifest, sumsText } from './manifest.ts';
import { parseManifest } from './manifest-schema.ts';
import { readVectors } from './tensors.ts';

/** A checkpoint that can't be used. `reason` completes "step-00000123 is damaged: ". */
export class DamagedCheckpoint extends Error {
  readonly path: string;
  readonly reason: string;
  constructor(path: string, reason: string) {
    super(`${basename(path)} is damaged: ${reason}`);
    this.name = 'DamagedCheckpoint';
    this.path = path;
    this.reason = reason;
  }
}

export interface LoadedCheckpoint {
  path: string;
  name: string;
  manifest: Manifest;
  vectors: CheckpointVectors;
}

const chunkBytes = 8 * 1024 * 1024;
/** A manifest has some kilobytes; a file of another kind is not read into memory. */
const maximumTextBytes = 16 * 1024 * 1024;

interface HashedBytes {
  bytes: Uint8Array;
  sha256: string;
}

function readHashed(path: string, expectedBytes: number | null): HashedBytes {
  const name = basename(path);
  // A pipe in the place of a file would be waited for.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(file);
    if (!facts.isFile()) throw new Error(`${name} is no file`);
    const { size } = facts;
    if (expectedBytes !== null && size !== expectedBytes) {
      throw new Error(`${name} has ${size} bytes, not ${expectedBytes}`);
    }
    if (expectedBytes === null && size > maximumTextBytes) throw new Error(`${name} has ${size} bytes`);
    const bytes = new Uint8Array(size);
    const hash = createHash('sha256');
    let filled = 0;
    while (filled < size) {
      const numRead = readSync(file, bytes, filled, Math.min(chunkBytes, size - filled), null);
      if (numRead === 0) throw new Error(`${name} ends after ${filled} bytes`);
      hash.update(bytes.subarray(filled, filled + numRead));
      filled += numRead;
    }
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    closeSync(file);
  }
}

function readTensorFile(path: string, facts: FileFacts): Uint8Array {
  const { bytes, sha256 } = readHashed(path, facts.sizeBytes);
  if (sha256 !== facts.sha256) throw new Error(`the SHA-256 of ${basename(path)} differs`);
  return bytes;
}

/** Runs a reader of the checkpoint at `path`; whatever it finds wrong with the files becomes the reason. */
function orDamaged<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { code, message, path: file } = error as NodeJS.ErrnoException;
    switch (code) {
      case 'ENOENT':
      case 'ENOTDIR':
        throw new DamagedCheckpoint(path, `${basename(file ?? path)} is missing`);
      case undefined:
      case 'EISDIR':
      case 'EIO':
        // No memory is no damage.
        if (error instanceof RangeError) throw error;
        throw new DamagedCheckpoint(path, message);
      case 'EACCES':
      case 'EPERM':
        throw explained(error, { path });
      default:
        // Whatever else the system says of a file: it can't be used. A bug of ours has no system call.
        if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
        throw new DamagedCheckpoint(path, `${basename(file ?? path)} can't be read (${code})`);
    }
  }
}

/** The manifest alone, checked against SHA256SUMS; tensors are not looked at. Throws DamagedCheckpoint. */
export function readManifest(path: string): Manifest {
  return orDamaged(path, () => {
    const sums = new TextDecoder().decode(readHashed(join(path, files.sums), null).bytes);
    const { bytes, sha256 } = readHashed(join(path, files.manifest), null);
    if (!sums.startsWith(`${sha256}  ${files.manifest}\n`)) {
      throw new Error(`the SHA-256 of ${files.manifest} differs from the one in ${files.sums}`);
    }
    const manifest = parseManifest(bytes);
    if (sums !== sumsText(sha256, manifest)) throw new Error(`${files.sums} and ${files.manifest} disagree`);
    return manifest;
  });
}

/** Checks every byte of a checkpoint without unpacking it. Throws DamagedCheckpoint. */
export function verifyCheckpoint(path: string): Manifest {
  const manifest = readManifest(path);
  orDamaged(path, () => {
    for (const name of [files.model, files.optimizer] as const) {
      readTensorFile(join(path, name), manifest.files[name]);
    }
  });
  return manifest;
}

/** Reads a checkpoint and checks every byte. The vectors lie in shared memory. Throws DamagedCheckpoint. */
export function loadCheckpoint(path: string): LoadedCheckpoint {
  const manifest = readManifest(path);
  return orDamaged(path, () => {
    const [model, optimizer] = ([files.model, files.optimizer] as const).map((name) =>
      readTensorFile(join(path, name), manifest.files[name]),
    );
    const vectors = readVectors(manifest.model, manifest.slots, model!, optimizer!);
    return { path, name: basename(path), manifest, vectors };
  });
}
