/**
 * Files of the run's data kept on this worker's disk by their hash, up to a bound; the least recently used go first. It
 * is only ever a shortcut: whoever reads checks the hash, and a full or failing disk costs the shortcut and nothing else.
 * Workers of one host may share the folder: a file gets its name when it is whole, and each looks anew at what is there
 * before it makes room. Not cacache, which lets nothing go by itself and knows no bound.
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@unet-fleet/shared';

export interface DiskCacheOptions {
  folder: string;
  maxBytes: number;
  /** Told once if the disk fails. */
  onProblem(message: string): void;
}

interface Entry {
  sizeBytes: number;
  usedAtMs: number;
}

/** Written since the last look at the folder, as a share of the bound, before another look. */
const lookShare = 1 / 32;
/** What a full cache is cut down to, so that not every new file makes room for itself. */
const roomShare = 0.95;
/** A temporary file this old is of a process that has died. */
const leftoverAgeMs = 3_600_000;

export class DiskCache {
  readonly #options: DiskCacheOptions;
  /** By file name: `<hash><extension>`. */
  #entries = new Map<string, Entry>();
  #writtenBytes = 0;
  #hasFailed = false;
  /** Looks at the folder happen one after another. */
  #looking: Promise<void> = Promise.resolve();

  private constructor(options: DiskCacheOptions) {
    this.#options = options;
  }

  static async open(options: DiskCacheOptions): Promise<DiskCache> {
    const cache = new DiskCache(options);
    await cache.#look();
    return cache;
  }

  /** Where a file lies, or would. */
  pathOf(name: string): string {
    return join(this.#options.folder, name.slice(0, 2), name);
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** The file's bytes as they are on the disk; null where it is not, or can't be read. */
  async get(name: string): Promise<Uint8Array | null> {
    const path = this.pathOf(name);
    try {
      const bytes = await readFile(path);
      const now = new Date();
      this.#entries.set(name, { sizeBytes: bytes.byteLength, usedAtMs: now.getTime() });
      // For the others who use the folder, and for the next start.
      await utimes(path, now, now);
      return bytes;
    } catch {
      this.#entries.delete(name);
      return null;
    }
  }

  /** Keeps the file, unless it alone exceeds the bound. */
  async put(name: string, bytes: Uint8Array): Promise<void> {
    const sizeBytes = bytes.byteLength;
    if (sizeBytes > this.#options.maxBytes) return;
    const path = this.pathOf(name);
    const temporary = join(this.#options.folder, `tmp-${randomUUID()}`);
    try {
      makeFolder(join(path, '..'));
      await writeFile(temporary, bytes, { mode: 0o600 });
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      if (!this.#hasFailed) {
        this.#hasFailed = true;
        this.#options.onProblem(
          `${this.#options.folder} keeps no photos and masks (${(error as Error).message}): what is not kept is fetched again; free some space, or name another folder with --sample-cache`,
        );
      }
      return;
    }
    this.#entries.set(name, { sizeBytes, usedAtMs: Date.now() });
    this.#writtenBytes += sizeBytes;
    const { maxBytes } = this.#options;
    if (this.#writtenBytes > maxBytes * lookShare || this.#sizeBytes > maxBytes) {
      this.#writtenBytes = 0;
      this.#looking = this.#looking.then(() => this.#look());
      await this.#looking;
    }
  }

  /** Removes one whose content is not what its name says. */
  async remove(name: string): Promise<void> {
    this.#entries.delete(name);
    await rm(this.pathOf(name), { force: true }).catch(() => {});
  }

  get #sizeBytes(): number {
    let sum = 0;
    for (const { sizeBytes } of this.#entries.values()) sum += sizeBytes;
    return sum;
  }

  /** Sees what is there, by whomever it was written, and makes room. */
  async #look(): Promise<void> {
    const { folder, maxBytes } = this.#options;
    const entries = new Map<string, Entry>();
    for (const { name, path, isTemporary } of await filesIn(folder)) {
      const found = await stat(path).catch(() => null);
      if (!found) continue;
      if (!isTemporary) entries.set(name, { sizeBytes: found.size, usedAtMs: found.mtimeMs });
      else if (Date.now() - found.mtimeMs > leftoverAgeMs) await rm(path, { force: true }).catch(() => {});
    }
    this.#entries = entries;
    let sizeBytes = this.#sizeBytes;
    if (sizeBytes <= maxBytes) return;
    const oldestFirst = [...entries].sort(([, a], [, b]) => a.usedAtMs - b.usedAtMs);
    for (const [name, entry] of oldestFirst) {
      if (sizeBytes <= maxBytes * roomShare) break;
      await this.remove(name);
      sizeBytes -= entry.sizeBytes;
    }
  }
}

async function filesIn(folder: string): Promise<{ name: string; path: string; isTemporary: boolean }[]> {
  const top = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const files: { name: string; path: string; isTemporary: boolean }[] = [];
  for (const entry of top) {
    const path = join(folder, entry.name);
    if (entry.isFile() && entry.name.startsWith('tmp-'))
      files.push({ name: entry.name, path, isTemporary: true });
    if (!entry.isDirectory() || !/^[0-9a-f]{2}$/.test(entry.name)) continue;
    const names = await readdir(path).catch(() => []);
    for (const name of names) {
      if (/^[0-9a-f]{64}(\.[a-z0-9]{1,8})?$/.test(name))
        files.push({ name, path: join(path, name), isTemporary: false });
    }
  }
  return files;
}
