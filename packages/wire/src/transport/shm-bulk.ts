/**
 * Bulk transfer between processes of one host: a bucket is one frame in one file on tmpfs. Offering writes the file,
 * fetching reads it straight into place; who may read what is told over NATS as ever. Files are used again, because
 * fresh tmpfs pages cost as much as the copy. What this file keeps true: a reader never takes values that were changed
 * while it read. No checksum says so, which would be a pass over memory at either end, but the header: it says that there
 * are no values while they are written, and a reader looks at it before and after.
 */
import { join } from 'node:path';
import { explained } from '@unet-fleet/shared';
import { isPeer } from '../protocol/subjects.ts';
import { type BulkInbox, type BulkOutbox, type EarlyInbox, FetchError, type OfferMark } from './bulk.ts';
import { type BulkKey, decodeHeader, encodeHeader, frameHeaderBytes, mismatch } from './frame.ts';
import { realShmFiles, type ShmFiles } from './shm-files.ts';

/** Weights alternate between two files, so that the version before can be read while the next is written. */
const slotOf = (key: BulkKey): string =>
  key.kind === 'weights' ? `w${key.version % 2}` : `g${key.level}-${key.index}`;

/** Where a peer's bucket lies. */
export const fileOf = (folder: string, peer: string, key: BulkKey, bucket: number): string => {
  if (!isPeer(peer)) throw new Error(`not a peer's name: ${JSON.stringify(peer)}`);
  return join(folder, `${peer}-${slotOf(key)}-${bucket}`);
};

/** By this process. In place of a checksum: the header of each write is another, even where it writes the same again. */
let numWritten = 0;

interface OfferedFile {
  path: string;
  file: number;
  key: BulkKey;
  numBytes: number;
}

export class ShmOutbox implements BulkOutbox {
  readonly isReadEarly = true;
  readonly #folder: string;
  readonly #runTag: number;
  readonly #peer: string;
  readonly #offered = new Map<string, OfferedFile>();
  /** Withdrawn files, whose pages the next offer of that size gets. */
  readonly #spare: OfferedFile[] = [];
  #numSpared = 0;
  readonly #header = Buffer.alloc(frameHeaderBytes);
  readonly #headerMeanwhile = Buffer.alloc(frameHeaderBytes);
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
    const header = {
      ...key,
      bucket,
      offsetBytes: 0,
      lengthBytes: bytes.byteLength,
      totalBytes: bytes.byteLength,
      checksum: numWritten++ % 2 ** 32,
    };
    encodeHeader(this.#headerMeanwhile, this.#runTag, { ...header, role: 'absent' });
    encodeHeader(this.#header, this.#runTag, { ...header, role: 'data' });
    try {
      this.#files.write(file, this.#headerMeanwhile, bytes);
      this.#files.write(file, this.#header, nothing);
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

const nothing = new Uint8Array();

export class ShmInbox implements BulkInbox, EarlyInbox {
  readonly early = this;
  readonly #folder: string;
  readonly #runTag: number;
  readonly #files: ShmFiles;

  constructor(folder: string, runTag: number, files: ShmFiles = realShmFiles) {
    this.#files = files;
    this.#folder = folder;
    this.#runTag = runTag;
  }

  async fetch(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    this.#take(peer, key, bucket, into);
  }

  takeIfThere(peer: string, key: BulkKey, bucket: number, into: Uint8Array): OfferMark | null {
    try {
      // Most looks find nothing: the values are read only where the header is right.
      this.#headerOf(fileOf(this.#folder, peer, key, bucket), key, bucket, into.byteLength, nothing);
      return this.#take(peer, key, bucket, into);
    } catch (error) {
      if (error instanceof FetchError) return null;
      throw error;
    }
  }

  stands(peer: string, key: BulkKey, bucket: number, mark: OfferMark): boolean {
    const header = Buffer.alloc(frameHeaderBytes);
    try {
      this.#read(fileOf(this.#folder, peer, key, bucket), [header, nothing], Buffer.alloc(frameHeaderBytes));
    } catch (error) {
      if (error instanceof FetchError) return false;
      throw error;
    }
    return header.equals(mark);
  }

  /** Returns the header, which no other write has. */
  #take(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Buffer {
    const path = fileOf(this.#folder, peer, key, bucket);
    const { header, numBytes } = this.#headerOf(path, key, bucket, into.byteLength, into);
    if (numBytes !== frameHeaderBytes + into.byteLength) throw new FetchError('damaged', `${path} is cut`);
    return header;
  }

  #headerOf(path: string, key: BulkKey, bucket: number, lengthBytes: number, into: Uint8Array) {
    const header = Buffer.alloc(frameHeaderBytes);
    const headerAfter = Buffer.alloc(frameHeaderBytes);
    const numBytes = this.#read(path, [header, into], headerAfter);
    const decoded = decodeHeader(header, this.#runTag);
    if (typeof decoded === 'string') throw new FetchError('damaged', `${path}: ${decoded}`);
    const wrong = mismatch(decoded, key, bucket, lengthBytes);
    if (wrong) throw new FetchError('absent', `${path} holds ${wrong}`);
    if (decoded.role !== 'data') throw new FetchError('absent', `${path} is being written`);
    if (!header.equals(headerAfter)) throw new FetchError('absent', `${path} was written anew meanwhile`);
    return { header, numBytes };
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

  #read(path: string, into: [Uint8Array, Uint8Array], headerAfter: Uint8Array): number {
    try {
      return this.#files.read(path, into, headerAfter);
    } catch (error) {
      throw new FetchError('absent', `no bulk file ${path}: ${(error as Error).message}`);
    }
  }
}
