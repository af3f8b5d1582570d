/**
 * Bulk transfer between processes of one host: a bucket is one frame in one file on tmpfs. Offering writes the file,
 * fetching reads it straight into place; who may read what is told over NATS as ever. Files are reused in turn
 * (`slots`), because fresh tmpfs pages cost as much as the copy; the header tells a reader that came too late.
 */
import { closeSync, mkdirSync, openSync, readdirSync, readvSync, rmSync, writevSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isPeer } from '../protocol/subjects.ts';
import { type BulkInbox, type BulkOutbox, FetchError } from './bulk.ts';
import { type BulkKey, checksumOf, decodeHeader, encodeHeader, frameHeaderBytes, mismatch } from './frame.ts';

/** Weights alternate between two files, so that the version before can be read while the next is written. */
const slotOf = (key: BulkKey): string =>
  key.kind === 'weights' ? `w${key.step % 2}` : `g${key.level}-${key.index}`;

const fileOf = (folder: string, peer: string, key: BulkKey, bucket: number): string => {
  if (!isPeer(peer)) throw new Error(`not a peer's name: ${JSON.stringify(peer)}`);
  return join(folder, `${peer}-${slotOf(key)}-${bucket}`);
};

export class ShmOutbox implements BulkOutbox {
  readonly #folder: string;
  readonly #runTag: number;
  readonly #peer: string;
  readonly #files = new Map<string, number>();
  readonly #header = Buffer.alloc(frameHeaderBytes);

  constructor(folder: string, runTag: number, peer: string) {
    this.#folder = folder;
    this.#runTag = runTag;
    this.#peer = peer;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Copies the bytes; the caller may change them at once. Throws the system's error when tmpfs is full. */
  offer(key: BulkKey, bucket: number, bytes: Uint8Array): void {
    const path = fileOf(this.#folder, this.#peer, key, bucket);
    let file = this.#files.get(path);
    if (file === undefined) {
      file = openSync(path, 'w', 0o600);
      this.#files.set(path, file);
    }
    encodeHeader(this.#header, this.#runTag, {
      ...key,
      role: 'data',
      bucket,
      offsetBytes: 0,
      lengthBytes: bytes.byteLength,
      totalBytes: bytes.byteLength,
      checksum: checksumOf(bytes),
    });
    const written = writevSync(file, [this.#header, bytes], 0);
    if (written !== frameHeaderBytes + bytes.byteLength) {
      throw new Error(
        `wrote ${written} of ${frameHeaderBytes + bytes.byteLength} bytes to ${path}: is tmpfs full?`,
      );
    }
  }

  /** Files stay for reuse: their headers keep a late reader from using what it did not ask for. */
  withdraw(): void {}

  async close(): Promise<void> {
    for (const [path, file] of this.#files) {
      closeSync(file);
      rmSync(path, { force: true });
    }
    this.#files.clear();
  }
}

export class ShmInbox implements BulkInbox {
  readonly #folder: string;
  readonly #runTag: number;
  readonly #files = new Map<string, number>();

  constructor(folder: string, runTag: number) {
    this.#folder = folder;
    this.#runTag = runTag;
  }

  async fetch(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    const path = fileOf(this.#folder, peer, key, bucket);
    const open = this.#files.get(path);
    try {
      this.#read(path, key, bucket, into);
    } catch (error) {
      if (open === undefined) throw error;
      // A peer that has joined anew has made its files anew: the open one is of its life before.
      closeSync(open);
      this.#files.delete(path);
      this.#read(path, key, bucket, into);
    }
  }

  #read(path: string, key: BulkKey, bucket: number, into: Uint8Array): void {
    const header = Buffer.alloc(frameHeaderBytes);
    let numBytes: number;
    try {
      let file = this.#files.get(path);
      if (file === undefined) {
        file = openSync(path, 'r');
        this.#files.set(path, file);
      }
      numBytes = readvSync(file, [header, into], 0);
    } catch (error) {
      throw new FetchError('absent', `no bulk file ${path}: ${(error as Error).message}`);
    }
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
    const isOfPeer = (name: string) => name.startsWith(`${peer}-`);
    for (const [path, file] of this.#files) {
      if (!isOfPeer(basename(path))) continue;
      closeSync(file);
      this.#files.delete(path);
    }
    for (const name of readdirSync(this.#folder).filter(isOfPeer)) {
      rmSync(join(this.#folder, name), { force: true });
    }
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }
}
