/**
 * Bulk transfer between processes of one host: a bucket is one frame in one file on tmpfs. Offering writes the file,
 * fetching reads it straight into place; who may read what is told over NATS as ever. Files are used again, because
 * fresh tmpfs pages cost as much as the copy; the header tells a reader that came too late.
 */
import { join } from 'node:path';
import { explained } from '@unet-fleet/shared';
import { isPeer } from '../protocol/subjects.ts';
import { type BulkInbox, type BulkOutbox, FetchError } from './bulk.ts';
import { type BulkKey, checksumOf, decodeHeader, encodeHeader, frameHeaderBytes, mismatch } from './frame.ts';
import { realShmFiles, type ShmFiles } from './shm-files.ts';

/** Weights alternate between two files, so that the version before can be read while the next is written. */
const slotOf = (key: BulkKey): string =>
  key.kind === 'weights' ? `w${key.version % 2}` : `g${key.level}-${key.index}`;

/** Where a peer's bucket lies. */
export const fileOf = (folder: string, peer: string, key: BulkKey, bucket: number): string => {
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
  readonly #files: ShmFiles;

  constructor(folder: string, runTag: number, peer: string, files: ShmFiles = realShmFiles) {
    this.#files = files;
    this.#folder = folder;
    this.#runTag = runTag;
    this.#peer = peer;
    files.makeFolder(folder);
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
      this.#files.write(file, this.#header, bytes);
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
      if (index < 0) return this.#open(path);
      const [spare] = this.#spare.splice(index, 1);
      if (this.#files.rename(spare!.path, path)) return spare!.file;
      this.#files.close(spare!.file);
    }
  }

  #open(path: string): number {
    const file = this.#files.open(path);
    if (file === null) throw new FetchError('closed', `the shared memory of ${path} is gone`);
    return file;
  }

  get numOffers(): number {
    return this.#offered.size;
  }

  /** Weights stay until the second version after them: the one before may still be read. */
  withdraw(keep: (key: BulkKey) => boolean): void {
    for (const entry of this.#offered.values()) {
      if (entry.key.kind === 'weights' || keep(entry.key)) continue;
      this.#offered.delete(entry.path);
      const path = join(this.#folder, `${this.#peer}-spare-${this.#numSpared++}`);
      if (this.#files.rename(entry.path, path)) this.#spare.push({ ...entry, path });
      else this.#files.close(entry.file);
    }
  }

  async close(): Promise<void> {
    for (const { path, file } of [...this.#offered.values(), ...this.#spare]) {
      this.#files.close(file);
      this.#files.remove(path);
    }
    this.#offered.clear();
    this.#spare.length = 0;
  }
}

export class ShmInbox implements BulkInbox {
  readonly #folder: string;
  readonly #runTag: number;
  readonly #files: ShmFiles;

  constructor(folder: string, runTag: number, files: ShmFiles = realShmFiles) {
    this.#files = files;
    this.#folder = folder;
    this.#runTag = runTag;
  }

  async fetch(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    const path = fileOf(this.#folder, peer, key, bucket);
    const header = Buffer.alloc(frameHeaderBytes);
    const numBytes = this.#read(path, [header, into]);
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
    for (const name of this.#files.list(this.#folder)) {
      if (name.startsWith(`${peer}-`)) this.#files.remove(join(this.#folder, name));
    }
  }

  async close(): Promise<void> {}

  #read(path: string, into: [Uint8Array, Uint8Array]): number {
    try {
      return this.#files.read(path, into);
    } catch (error) {
      throw new FetchError('absent', `no bulk file ${path}: ${(error as Error).message}`);
    }
  }
}
