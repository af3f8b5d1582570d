/**
 * The files of a worker that has no data folder: from its disk cache, or else from the first source that has them. What
 * is used has the hash that was asked for, whoever sent it; a file is fetched once however often it is wanted at the
 * time, and what will probably be wanted is fetched ahead, after what is wanted now.
 */
import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import type { DataFile, ReadFile } from '@unet-fleet/dataset';
import { UserError } from '@unet-fleet/law';
import { FetchError } from '@unet-fleet/wire';
import type { DiskCache } from './disk-cache.ts';

/** Where files come from. */
export interface FileSource {
  /** For messages. */
  readonly where: string;
  has(sha256: string): boolean;
  /** Rejects with a FetchError when it can't be reached, with a UserError when a person must do something. */
  fetch(sha256: string): Promise<Uint8Array>;
}

export interface FileStoreOptions {
  cache: DiskCache;
  /** In the order in which they are asked. */
  sources: readonly FileSource[];
  onProblem(message: string): void;
}

/** Files fetched at a time, and of these ahead of need. */
const maxFetches = 8;
const maxAhead = 4;
/** Files that wait to be fetched ahead; the oldest wish is forgotten first. */
const maxWishes = 1_024;
/** A source that sends something else this often for one file has something else. */
const maxForged = 3;

export class FileStore {
  readonly #options: FileStoreOptions;
  readonly #underWay = new Map<string, Promise<ReadFile>>();
  readonly #wishes = new Map<string, DataFile>();
  readonly #waiting: (() => void)[] = [];
  #numFetches = 0;
  #numAhead = 0;
  readonly #told = new Set<string>();
  /** Bytes that have come from each source, by its name. */
  readonly fetchedBytes = new Map<string, number>();

  constructor(options: FileStoreOptions) {
    this.#options = options;
  }

  /** Rejects with a FetchError when no source can be reached, with a UserError when none has the file. */
  readonly read = (file: DataFile): Promise<ReadFile> => {
    this.#wishes.delete(nameOf(file));
    return this.#read(file);
  };

  /** Begins to fetch what is not here, in this order. */
  prefetch(files: readonly DataFile[]): void {
    for (const file of files) {
      const name = nameOf(file);
      if (this.#options.cache.has(name) || this.#underWay.has(name)) continue;
      this.#wishes.delete(name);
      this.#wishes.set(name, file);
    }
    for (const name of this.#wishes.keys()) {
      if (this.#wishes.size <= maxWishes) break;
      this.#wishes.delete(name);
    }
    this.#fetchAhead();
  }

  /** Forgets what was to be fetched ahead. */
  close(): void {
    this.#wishes.clear();
  }

  #fetchAhead(): void {
    while (this.#numAhead < maxAhead && this.#wishes.size > 0) {
      const [[name, file]] = this.#wishes as unknown as [[string, DataFile]];
      this.#wishes.delete(name);
      this.#numAhead++;
      // What can't be had is told when it is wanted.
      this.#read(file)
        .catch(() => {})
        .finally(() => {
          this.#numAhead--;
          this.#fetchAhead();
        });
    }
  }

  #read(file: DataFile): Promise<ReadFile> {
    const name = nameOf(file);
    let reading = this.#underWay.get(name);
    if (!reading) {
      reading = this.#find(name, file).finally(() => this.#underWay.delete(name));
      this.#underWay.set(name, reading);
    }
    return reading;
  }

  async #find(name: string, file: DataFile): Promise<ReadFile> {
    const { cache } = this.#options;
    const path = cache.pathOf(name);
    const kept = await cache.get(name);
    if (kept && isOf(kept, file)) return { bytes: kept, path };
    if (kept) await cache.remove(name);
    while (this.#numFetches >= maxFetches) await new Promise<void>((wake) => this.#waiting.push(wake));
    this.#numFetches++;
    try {
      const bytes = await this.#fetch(file);
      await cache.put(name, bytes);
      return { bytes, path };
    } finally {
      this.#numFetches--;
      this.#waiting.shift()?.();
    }
  }

  async #fetch(file: DataFile): Promise<Uint8Array> {
    const errors: Error[] = [];
    for (const source of this.#options.sources) {
      if (!source.has(file.sha256)) continue;
      try {
        return await this.#fetchFrom(source, file);
      } catch (error) {
        if (!(error instanceof UserError || error instanceof FetchError)) throw error;
        errors.push(error);
        this.#tell(source, error);
      }
    }
    // One that may pass is no reason to end the worker.
    const passing = errors.find((error) => error instanceof FetchError);
    throw passing ?? errors.at(-1) ?? new UserError(`nobody has the ${file.kind} ${file.name} of the run`);
  }

  async #fetchFrom(source: FileSource, file: DataFile): Promise<Uint8Array> {
    for (let attempt = 1; ; attempt++) {
      const bytes = await source.fetch(file.sha256);
      const before = this.fetchedBytes.get(source.where) ?? 0;
      this.fetchedBytes.set(source.where, before + bytes.byteLength);
      if (isOf(bytes, file)) return bytes;
      if (attempt < maxForged) continue;
      throw new UserError(
        `the ${file.kind} ${file.name} that ${source.where} sends (${bytes.byteLength} bytes) is not the file that the run was created with: restore it there`,
      );
    }
  }

  /** Once for each source and kind of fault: the next source may do, and thousands of files may follow. */
  #tell({ where }: FileSource, error: Error): void {
    const isLast = this.#options.sources.at(-1)?.where === where;
    const key = `${where} ${error.constructor.name}`;
    if (isLast || this.#told.has(key)) return;
    this.#told.add(key);
    this.#options.onProblem(`${error.message}; the next source is asked`);
  }
}

/** Name in the cache: the extension tells libraries that open files themselves what it is. */
const nameOf = ({ sha256, name }: DataFile): string => {
  const extension = extname(name).toLowerCase();
  return /^\.[a-z0-9]{1,8}$/.test(extension) ? sha256 + extension : sha256;
};

const isOf = (bytes: Uint8Array, { sha256 }: DataFile): boolean =>
  createHash('sha256').update(bytes).digest('hex') === sha256;
