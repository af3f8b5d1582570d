/**
 * Reads every photo and mask once, before training, and reports all that is wrong at once. What it returns depends on
 * the files' bytes and the options alone: not on the order in which files were read, nor on the cache.
 */
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { DataConfig } from '@unet-fleet/law';
import { openPlain, refusalOf } from '@unet-fleet/shared';
import pMap from 'p-map';
import { divide } from './given-split.ts';
import { MAX_FILE_BYTES, type PixelLimit } from './limits.ts';
import { readDataOptions } from './options.ts';
import { type FilePair, pagesOf } from './pages.ts';
import { type Pair, pairFiles } from './pair.ts';
import { numPagesOf } from './readers/containers.ts';
import { FileError } from './readers/file-error.ts';
import { type MaskOptions, maskFromPicture, readMaskPicture } from './readers/mask.ts';

import { examinePhoto } from './readers/photo.ts';
import { factsOf } from './readers/picture-facts.ts';
import { NO_VALUE, type RawMask, StrangeValues } from './readers/raster.ts';
import {
  type FileFacts,
  type FileStamp,
  type Finding,
  type MaskFacts,
  type PhotoFacts,
  ScanCache,
} from './scan-cache.ts';
import { buildReport } from './scan-report.ts';
import type { ScanReport } from './types.ts';

export interface ScanOptions {
  /** Called after each pair. */
  onProgress?: (numDone: number, numPairs: number) => void;
  /** The user's cache folder; null (default) scans without a cache. */
  cacheDir?: string | null;
  /** Pairs that are read at a time; photos decode on sharp's own threads beside the masks. Default 4. */
  concurrency?: number;
}

/** Throws a UserError if a folder is missing or holds nothing to read; everything else is in the report. */
export async function scanDataset(data: DataConfig, options: ScanOptions = {}): Promise<ScanReport> {
  const { onProgress, cacheDir = null, concurrency = 4 } = options;
  const dataOptions = await readDataOptions(data);
  const divided = divide(await pairFiles(data), data);
  const { pairs } = divided.pairing;
  const { palette } = dataOptions;
  const { matVariable, maxPixels, maskThreshold } = data;
  const maskOptions: MaskOptions = { matVariable, palette, maxPixels, maskThreshold };
  const folders = [resolve(data.images), resolve(data.masks)];
  const identity = [...folders, matVariable, palette?.sha256 ?? '', maxPixels, maskThreshold];
  const cache = await ScanCache.open(cacheDir, identity);
  let numDone = 0;
  let numCachedFiles = 0;
  const scanPair = async (pair: Pair): Promise<FilePair> => {
    const photo = await findPhoto(join(data.images, pair.photo), pair.photo, cache, data);
    const mask = await findMask(join(data.masks, pair.mask), pair.mask, cache, maskOptions);
    numCachedFiles += Number(photo.isCached) + Number(mask.isCached);
    onProgress?.(++numDone, pairs.length);
    return { pair, photo: photo.finding, mask: mask.finding };
  };
  const findings = await pMap(pairs, scanPair, { concurrency });
  await cache.save();
  return buildReport({ data, dataOptions, divided, findings: pagesOf(findings), numCachedFiles });
}

interface Found<T> {
  finding: Finding<T>;
  isCached: boolean;
}

function findPhoto(
  path: string,
  name: string,
  cache: ScanCache,
  { maxPixels }: PixelLimit,
): Promise<Found<FileFacts<PhotoFacts>>> {
  return findFile(
    path,
    (stamp) => cache.photo(name, stamp),
    (stamp, finding) => cache.addPhoto(name, stamp, finding),
    async (bytes) => ({ sha256: sha256Of(bytes), pages: await examinePhoto(path, bytes, { maxPixels }) }),
  );
}

function findMask(
  path: string,
  name: string,
  cache: ScanCache,
  options: MaskOptions,
): Promise<Found<FileFacts<MaskFacts>>> {
  return findFile(
    path,
    (stamp) => cache.mask(name, stamp),
    (stamp, finding) => cache.addMask(name, stamp, finding),
    async (bytes) => ({ sha256: sha256Of(bytes), pages: await examineMask(path, bytes, options) }),
  );
}

async function examineMask(path: string, bytes: Uint8Array, options: MaskOptions): Promise<MaskFacts[]> {
  const pages: MaskFacts[] = [];
  const numPages = await numPagesOf(path, bytes);
  for (let page = 0; page < numPages; page++) {
    const picture = await readMaskPicture(path, bytes, { ...options, page });
    const mask = maskFromPicture(path, picture, options);
    const { isColour, colors } = mask;
    pages.push({ ...factsOf(picture), isColour, colors, ...valuesOf(mask) });
  }
  return pages;
}

/** Looks the file up, or reads it. Content that is wrong is a finding to keep; a disk that fails is not. */
async function findFile<T>(
  path: string,
  lookUp: (stamp: FileStamp) => Finding<T> | null,
  keep: (stamp: FileStamp, finding: Finding<T>) => void,
  examine: (bytes: Uint8Array) => Promise<T>,
): Promise<Found<T>> {
  try {
    const file = await openPlain(path);
    try {
      const { size, mtimeMs } = await file.stat();
      const stamp = { numBytes: size, modifiedMs: mtimeMs };
      const known = lookUp(stamp);
      if (known !== null) return { finding: known, isCached: true };
      const finding = await examined(path, size, async () => examine(await file.readFile()));
      keep(stamp, finding);
      return { finding, isCached: false };
    } finally {
      await file.close();
    }
  } catch (error) {
    return { finding: { error: refusalOf(error) || (error as Error).message }, isCached: false };
  }
}

async function examined<T>(path: string, numBytes: number, examine: () => Promise<T>): Promise<Finding<T>> {
  if (numBytes === 0) return { error: 'the file is empty' };
  if (numBytes > MAX_FILE_BYTES)
    return { error: `it has ${numBytes} bytes, more than the ${MAX_FILE_BYTES} that are read` };
  try {
    return { ok: await examine() };
  } catch (error) {
    if (error instanceof FileError && error.path === path) return { error: error.reason };
    throw error;
  }
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** More values than a mask of classes has: the others are told as strange. */
const MAX_VALUES = 2 ** 16;

function valuesOf({ values, strange }: RawMask): Pick<MaskFacts, 'histogram' | 'strange'> {
  const counts = new Map<number, number>();
  const others = new StrangeValues();
  for (let i = 0, next = 0; i < values.length; i = next) {
    const value = values[i] as number;
    // Neighbours are mostly alike.
    for (next = i + 1; next < values.length && values[next] === value; ) next++;
    const count = counts.get(value);
    if (count !== undefined || counts.size < MAX_VALUES) counts.set(value, (count ?? 0) + next - i);
    else for (let k = i; k < next; k++) others.add(String(value));
  }
  counts.delete(NO_VALUE);
  return {
    histogram: [...counts].sort(([a], [b]) => a - b),
    strange: [...strange, ...others.toList()],
  };
}
