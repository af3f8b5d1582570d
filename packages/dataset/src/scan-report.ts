/** Sorts what the scan found in each pair into good samples and kinds of fault, and counts classes and sizes. Pure. */
import type { DataConfig } from '@unet-fleet/shared';
import type { DataOptions } from './options.ts';
import { compareText, type Pair, type Pairing } from './pair.ts';
import type { Finding, MaskFacts, PhotoFacts } from './scan-cache.ts';
import type { OutOfRange, Sample, ScanReport, Size, SizeMismatch, Unreadable } from './types.ts';

export interface PairFinding {
  pair: Pair;
  photo: Finding<PhotoFacts>;
  mask: Finding<MaskFacts>;
}

interface ReadPair {
  pair: Pair;
  photo: PhotoFacts;
  mask: MaskFacts;
}

interface Found {
  data: DataConfig;
  dataOptions: DataOptions;
  pairing: Pairing;
  findings: PairFinding[];
  numCachedFiles: number;
}

export function buildReport({ data, dataOptions, pairing, findings, numCachedFiles }: Found): ScanReport {
  const unreadable = findings.flatMap(unreadableOf);
  const readPairs = findings.flatMap(({ pair, photo, mask }) =>
    'ok' in photo && 'ok' in mask ? [{ pair, photo: photo.ok, mask: mask.ok }] : [],
  );
  const sizeMismatches = readPairs.filter((read) => !isSameSize(read)).map(mismatchOf);
  const sameSize = readPairs.filter(isSameSize);
  const isNumClassesGuessed = dataOptions.numClasses === 0;
  const numClasses = dataOptions.numClasses || highestValue(sameSize, data.ignoreIndex) + 1;
  const isClass = (value: number) => value < numClasses || value === data.ignoreIndex;
  const outOfRange = sameSize.flatMap(({ pair, mask }) => outOfRangeOf(pair, mask, isClass));
  const wrongIds = new Set(outOfRange.map(({ id }) => id));
  const good = sameSize.filter(({ pair }) => !wrongIds.has(pair.id));
  return {
    images: data.images,
    masks: data.masks,
    samples: good.map(sampleOf),
    photosWithoutMasks: pairing.photosWithoutMasks,
    masksWithoutPhotos: pairing.masksWithoutPhotos,
    sizeMismatches,
    outOfRange,
    unreadable,
    numOtherFiles: pairing.numOtherFiles,
    numClasses,
    isNumClassesGuessed,
    classNames: Array.from({ length: numClasses }, (_, i) => dataOptions.classNames?.[i] ?? `class ${i}`),
    ...classCounts(good, numClasses, data.ignoreIndex),
    sizes: sizesOf(good),
    paletteSha256: dataOptions.palette?.sha256 ?? '',
    numCachedFiles,
  };
}

function unreadableOf({ pair, photo, mask }: PairFinding): Unreadable[] {
  const faults: Unreadable[] = [];
  if ('error' in photo) faults.push({ id: pair.id, path: pair.photo, reason: photo.error });
  if ('error' in mask) faults.push({ id: pair.id, path: pair.mask, reason: mask.error });
  return faults;
}

function isSameSize({ photo, mask }: ReadPair): boolean {
  return photo.width === mask.width && photo.height === mask.height;
}

function mismatchOf({ pair, photo, mask }: ReadPair): SizeMismatch {
  const sizeOf = ({ width, height }: Size) => ({ width, height });
  return { id: pair.id, photo: sizeOf(photo), mask: sizeOf(mask) };
}

function highestValue(pairs: ReadPair[], ignoreIndex: number): number {
  let highest = -1;
  for (const { mask } of pairs) {
    for (const [value] of mask.histogram) if (value > highest && value !== ignoreIndex) highest = value;
  }
  return highest;
}

function outOfRangeOf(pair: Pair, mask: MaskFacts, isClass: (value: number) => boolean): OutOfRange[] {
  const wrong = mask.histogram.filter(([value]) => !isClass(value));
  const values = [
    ...wrong.map(([value, numPixels]) => ({ value: String(value), numPixels })),
    ...mask.strange,
  ];
  return values.length === 0 ? [] : [{ id: pair.id, mask: pair.mask, values }];
}

function sampleOf({ pair, photo, mask }: ReadPair): Sample {
  return {
    ...pair,
    width: photo.width,
    height: photo.height,
    photoSha256: photo.sha256,
    maskSha256: mask.sha256,
  };
}

function classCounts(pairs: ReadPair[], numClasses: number, ignoreIndex: number) {
  const classPixels = Array<number>(numClasses).fill(0);
  const classImages = Array<number>(numClasses).fill(0);
  let ignoredPixels = 0;
  for (const { mask } of pairs) {
    for (const [value, numPixels] of mask.histogram) {
      if (value === ignoreIndex) {
        ignoredPixels += numPixels;
      } else {
        classPixels[value]! += numPixels;
        classImages[value]! += 1;
      }
    }
  }
  return { classPixels, classImages, ignoredPixels };
}

function sizesOf(pairs: ReadPair[]): ScanReport['sizes'] {
  const sizes = new Map<string, Size & { numImages: number }>();
  for (const { photo } of pairs) {
    const key = `${photo.width}x${photo.height}`;
    const size = sizes.get(key) ?? { width: photo.width, height: photo.height, numImages: 0 };
    size.numImages += 1;
    sizes.set(key, size);
  }
  const pixels = ({ width, height }: Size) => width * height;
  return [...sizes.entries()]
    .sort(([a, s], [b, t]) => t.numImages - s.numImages || pixels(t) - pixels(s) || compareText(a, b))
    .map(([, size]) => size);
}
