/**
 * Bulk transfer between processes of one host: a bucket is one frame in one file on tmpfs. Offering writes the file,
 * fetching reads it straight into place; who may read what is told over NATS as ever. Files are used again, because
 * fresh tmpfs pages cost as much as the copy; the header tells a reader that came too late.
 */
import {
  closeSync,
  openSync,
  readdirSync,
  readvSync,
  renameSync,
  rmSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { join } from 'node:path';
import { explained, makeFolder } from '@unet-fleet/shared';
import { isPeer } from '../protocol/subjects.ts';
import { type BulkInbox, type BulkOutbox, FetchError } from './bulk.ts';
import { type BulkKey, checksumOf, decodeHeader, encodeHeader, frameHeaderBytes, mismatch } from './frame.ts';

/** Weights alternate between two files, so that the version before can be read while the next is written. */
const slotOf = (key: BulkKey): string =>
  key.kind === 'weights' ? `w${key.version % 2}` : `g${key.level}-${key.index}`;

const fileOf = (folder: string, peer: string, key: BulkKey, bucket: number): string => {
  if (!isPeer(peer)) throw new Error(`not a peer's name: ${JSON.stringify(peer)}`);
  return join(folder, `${peer}-${slotOf(key)}-${bucket}`);
};

interface OfferedFile {
  path: string;
  file: number;
  key: BulkKey;
  numBytes: number;
}

export class ShmOutbox implements BulkOutbox {
  readonly #folder: string;
  readonly #runTag: number;
  readonly #peer: string;
  readonly #offered = new Map<string, OfferedFile>();
  /** Withdrawn files, whose pages the next offer of that size gets. */
  readonly #spare: OfferedFile[] = [];
  #numSpared = 0;
  readonly #header = Buffer.alloc(frameHeaderBytes);

  constructor(folder: string, runTag: number, peer: string) {
    this.#folder = folder;
    this.#runTag = runTag;
    this.#peer = peer;
    makeFolder(folder, 0o700);
  }

  /**
   * Copies the bytes; the caller may change them at once. Throws FetchError('closed') when the folder is gone, which
   * goes with the coordinator whose memory it is, and a UserError when tmpfs is full or files may not be as large.
   */
  offer(key: BulkKey, bucket: number, bytes: Uint8Array): void {
    const path = fileOf(this.#folder, this.#peer, key, bucket);
    const numBytes = frameHeaderBytes + bytes.byteLength;
    const file = this.#fileFor(path, numBytes);
    this.#offered.set(path, { path, file, key, numBytes });
    encodeHeader(this.#header, this.#runTag, {
      ...key,
      role: 'data',
      bucket,
      offsetBytes: 0,
      lengthBytes: bytes.byteLength,
      totalBytes: bytes.byteLength,
      checksum: checksumOf(bytes),
    });
    try {
      // What a full tmpfs takes of it is no error; the rest is one.
      let done = writevSync(file, [this.#header, bytes], 0);
      while (done < numBytes) done += writeSync(file, bytes, done - frameHeaderBytes, numBytes - done, done);
    } catch (error) {
      throw explained(error, {
        what: 'weights and gradients in shared memory',
        path,
        instead: 'or have them sent over the broker with --shared-memory false',
      });
    }
  }

  #fileFor(path: string, numBytes: number): number {
    const present = this.#offered.get(path);
    if (present) return present.file;
    for (;;) {
      const index = this.#spare.findIndex((spare) => spare.numBytes === numBytes);
      if (index < 0) return openNew(path);
      const [spare] = this.#spare.splice(index, 1);
      if (renamed(spare!.path, path)) return spare!.file;
      closeSync(spare!.file);
    }
  }

  /** Weights stay until the second version after them: the one before may still be read. */
  withdraw(keep: (key: BulkKey) => boolean): void {
    for (const entry of this.#offered.values()) {
      if (entry.key.kind === 'weights' || keep(entry.key)) continue;
      this.#offered.delete(entry.path);
      const path = join(this.#folder, `${this.#peer}-spare-${this.#numSpared++}`);
      if (renamed(entry.path, path)) this.#spare.push({ ...entry, path });
      else closeSync(entry.file);
    }
  }

  async close(): Promise<void> {
    for (const { path, file } of [...this.#offered.values(), ...this.#spare]) {
      closeSync(file);
      rmSync(path, { force: true });
    }
    this.#offered.clear();
    this.#spare.length = 0;
  }
}

export class ShmInbox implements BulkInbox {
  readonly #folder: string;
  readonly #runTag: number;

  constructor(folder: string, runTag: number) {
    this.#folder = folder;
    this.#runTag = runTag;
  }

  async fetch(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    const path = fileOf(this.#folder, peer, key, bucket);
    const header = Buffer.alloc(frameHeaderBytes);
    const numBytes = read(path, [header, into]);
    const decoded = decodeHeader(header, this.#runTag);
    if (typeof decoded === 'string') throw new FetchError('damaged', `${path}: ${decoded}`);
    const wrong = mismatch(decoded, key, bucket, into.byteLength);
    if (wrong) throw new FetchError('absent', `${path} holds ${wrong}`);
    if (numBytes !== frameHeaderBytes + into.byteLength || checksumOf(into) !== decoded.checksum) {
      throw new FetchError('damaged', `${path} does not match its checksum`);
    }
  }

  /**
   * Removes what a peer has left that is gone: it is memory. Fetches under way there are none, files are read at once.
   * One that was only thought gone makes its files anew when it joins again.
   */
  cancel(peer: string): void {
    for (const name of readdirSync(this.#folder).filter((file) => file.startsWith(`${peer}-`))) {
      rmSync(join(this.#folder, name), { force: true });
    }
  }

  async close(): Promise<void> {}
}

function read(path: string, into: Uint8Array[]): number {
  try {
    const file = openSync(path, 'r');
    try {
      return readvSync(file, into, 0);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new FetchError('absent', `no bulk file ${path}: ${(error as Error).message}`);
  }
}

/** False if the file is gone: the coordinator removes what a peer has left that it takes for gone. */
function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function openNew(path: string): number {
  try {
    return openSync(path, 'w', 0o600);
  } catch (error) {
    if (isMissing(error)) throw new FetchError('closed', `the shared memory of ${path} is gone`);
    throw error;
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
