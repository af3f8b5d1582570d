/**
 * What earlier scans found, kept per user: one JSON file per data set, keyed by each file's path, size and time, so
 * that a second scan reads nothing. It is only ever a shortcut: a missing, old or damaged cache means a full scan, and
 * the hash in its first line tells damage, as a wrong count of pixels would change a run's class weights.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, writeWhole } from '@unet-fleet/shared';
import type { PictureFacts } from './readers/picture-facts.ts';
import type { ValueCount } from './readers/raster.ts';

/** Raised whenever a reader gives another result for the same bytes. */
const FORMAT = 6;

export interface FileStamp {
  numBytes: number;
  modifiedMs: number;
}

/** Of one page of a photo; width and height are as stored, before its orientation. */
export type PhotoFacts = PictureFacts;

/** Of one page of a mask. */
export interface MaskFacts extends PictureFacts {
  /** Pixels of each value that occurs, ascending. */
  histogram: [value: number, numPixels: number][];
  strange: ValueCount[];
  /** The values are colours, 0xrrggbb. */
  isColour: boolean;
  /** Of a palette in the file: the colour of each value that occurs, ascending; else null. */
  colors: [value: number, color: number][] | null;
}

/** A file with the pages of it that are pictures of their own: one, but for stacks. */
export interface FileFacts<T> {
  sha256: string;
  pages: T[];
}

/** Facts, or the reason why the file cannot be used. */
export type Finding<T> = { ok: T } | { error: string };
type Entry<T> = FileStamp & { finding: Finding<T> };

export class ScanCache {
  private readonly path: string | null;
  private readonly photos: Map<string, Entry<FileFacts<PhotoFacts>>>;
  private readonly masks: Map<string, Entry<FileFacts<MaskFacts>>>;
  private isChanged = false;

  private constructor(
    path: string | null,
    photos: [string, Entry<FileFacts<PhotoFacts>>][],
    masks: [string, Entry<FileFacts<MaskFacts>>][],
  ) {
    this.path = path;
    this.photos = new Map(photos);
    this.masks = new Map(masks);
  }

  /** identity: all besides the files that the findings depend on (folders, variable, palette). null: no cache. */
  static async open(cacheDir: string | null, identity: unknown): Promise<ScanCache> {
    if (cacheDir === null) return new ScanCache(null, [], []);
    const key = createHash('sha256')
      .update(JSON.stringify([FORMAT, identity]))
      .digest('hex')
      .slice(0, 32);
    const path = join(cacheDir, 'scan', `${key}.json`);
    try {
      const [hash, json = ''] = splitFirstLine(await readFile(path, 'utf8'));
      if (hash !== hashOf(json)) return new ScanCache(path, [], []);
      const { photos, masks } = JSON.parse(json);
      return new ScanCache(path, photos, masks);
    } catch {
      return new ScanCache(path, [], []);
    }
  }

  photo(path: string, stamp: FileStamp): Finding<FileFacts<PhotoFacts>> | null {
    return lookUp(this.photos, path, stamp);
  }

  mask(path: string, stamp: FileStamp): Finding<FileFacts<MaskFacts>> | null {
    return lookUp(this.masks, path, stamp);
  }

  addPhoto(path: string, stamp: FileStamp, finding: Finding<FileFacts<PhotoFacts>>): void {
    this.photos.set(path, { ...stamp, finding });
    this.isChanged = true;
  }

  addMask(path: string, stamp: FileStamp, finding: Finding<FileFacts<MaskFacts>>): void {
    this.masks.set(path, { ...stamp, finding });
    this.isChanged = true;
  }

  /** Replaces the file in one step, so that another process never reads half of it. A full disk loses only the shortcut. */
  async save(): Promise<void> {
    if (this.path === null || !this.isChanged) return;
    try {
      makeFolder(join(this.path, '..'));
      const json = JSON.stringify({ photos: [...this.photos], masks: [...this.masks] });
      await writeWhole(this.path, `${hashOf(json)}\n${json}`);
    } catch {
      // The findings stand without it.
    }
  }
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

function splitFirstLine(text: string): [string, string] {
  const end = text.indexOf('\n');
  return [text.slice(0, end), text.slice(end + 1)];
}

function lookUp<T>(entries: Map<string, Entry<T>>, path: string, stamp: FileStamp): Finding<T> | null {
  const entry = entries.get(path);
  const isSame = entry?.numBytes === stamp.numBytes && entry.modifiedMs === stamp.modifiedMs;
  return isSame ? (entry as Entry<T>).finding : null;
}
