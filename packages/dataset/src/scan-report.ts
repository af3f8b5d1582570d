/** Sorts what the scan found in each pair into good samples and kinds of fault, and counts classes and sizes. Pure. */
import { type DataConfig, formatMaskValues, ignoredValues, parseMaskValues } from '@unet-fleet/law';
import { colourFault, type NamedMask, paletteFault } from './colour-fault.ts';
import type { Divided } from './given-split.ts';
import { compareText } from './list-folder.ts';
import type { DataOptions } from './options.ts';
import type { PageOf, PairFinding } from './pages.ts';
import type { Pair } from './pair.ts';
import { kindsOf } from './picture-kinds.ts';
import type { MaskFacts, PhotoFacts } from './scan-cache.ts';
import { sizeFor } from './settle-orientation.ts';
import { orientationOf, rangeOf, toldOfPhotos, withPhotoProblems } from './settle-photos.ts';
import { type OccurringValues, type SettledValues, settleMaskValues, sortedValues } from './settle-values.ts';
import type { Split } from './split.ts';
import type { OutOfRange, Sample, ScanReport, Size, SizeMismatch, Unreadable } from './types.ts';
import { ignoredNote, valueRemedy } from './value-sentences.ts';

/** Rows of a table that a person reads. */
const MAX_SHOWN = 64;

interface ReadPair {
  pair: Pair;
  /** Of the whole files; `pair` is of the page. */
  fileId: string;
  page: number;
  /** Width and height after turning. */
  photo: PageOf<PhotoFacts>;
  mask: PageOf<MaskFacts>;
}

interface Found {
  data: DataConfig;
  dataOptions: DataOptions;
  divided: Divided;
  findings: PairFinding[];
  numCachedFiles: number;
}

export function buildReport({
  data,
  dataOptions,
  divided,
  findings: found,
  numCachedFiles,
}: Found): ScanReport {
  const { pairing, split } = divided;
  const findings = withPhotoProblems(found, data);
  const unreadable = findings.flatMap(unreadableOf);
  const storedPairs = findings.flatMap(({ pair, fileId, page, photo, mask }) =>
    'ok' in photo && 'ok' in mask ? [{ pair, fileId, page, photo: photo.ok, mask: mask.ok }] : [],
  );
  const turning = orientationOf(
    data,
    storedPairs.map(({ pair: { id }, photo, mask }) => ({ id, photo, mask })),
  );
  const allPairs = storedPairs.map((read) => turnedPair(read, turning.orientation));
  const named: NamedMask[] = allPairs.map(({ pair, mask }) => ({ name: pair.mask, facts: mask }));
  const numColour = named.filter(({ facts }) => facts.isColour).length;
  // A few among index masks are wrong files; where most are, it is what the set is like.
  const isColourSet = 2 * numColour > named.length;
  const colours = isColourSet
    ? colourFault(named)
    : dataOptions.palette === null
      ? paletteFault(named)
      : null;
  const readPairs = allPairs.filter(({ mask }) => !mask.isColour);
  if (!isColourSet) unreadable.push(...allPairs.filter(({ mask }) => mask.isColour).map(strayColours));
  const sizeMismatches = readPairs.filter((read) => !isSameSize(read)).map(mismatchOf);
  const sameSize = readPairs.filter(isSameSize);
  const ignored = ignoredValues(data.ignoreIndex);
  const values = occurringValues(sameSize, data, dataOptions);
  const settled = shownAsValues(settle(data, dataOptions, values), values);
  const mapping = parseMaskValues(settled.maskValues);
  const classes = typeof mapping === 'string' ? null : new Map(mapping.map((value, index) => [value, index]));
  const isNumClassesGuessed = dataOptions.numClasses === 0 && classes === null;
  const numClasses = classes?.size ?? (dataOptions.numClasses || highestValue(sameSize, ignored) + 1);
  const classOf = classOfValue(classes, numClasses, new Set(ignored));
  const outOfRange = sameSize.flatMap(({ pair, mask }) => outOfRangeOf(pair, mask, classOf));
  const nameOf = (index: number): string =>
    dataOptions.classNames?.[index] ??
    (settled.fault === null ? `class ${index}` : `value ${mapping[index]}`);
  const wrongIds = new Set(outOfRange.map(({ id }) => id));
  const good = sameSize.filter(({ pair }) => !wrongIds.has(pair.id));
  const range = rangeOf(
    data,
    good.map(({ pair, photo }) => ({ photo: pair.photo, ...photo })),
  );
  const photos = toldOfPhotos(findings, data);
  const notes = [turning.note, range.note, settled.note, ignoredNote(values, data)];
  return {
    images: data.images,
    masks: data.masks,
    photoKinds: kindsOf(allPairs.map(({ photo }) => photo)),
    maskKinds: kindsOf(allPairs.map(({ mask }) => mask)),
    orientation: turning.orientation,
    valueRange: range.valueRange,
    samples: good.map(sampleOf),
    split: split && withGood(split, good),
    photosWithoutMasks: pairing.photosWithoutMasks.map(({ path }) => path),
    masksWithoutPhotos: pairing.masksWithoutPhotos.map(({ path }) => path),
    pairingProposal: pairing.proposal,
    sizeMismatches,
    outOfRange,
    unreadable,
    numOtherFiles: pairing.numOtherFiles,
    noFiles: pairing.noFiles,
    unreadMasks: pairing.unreadMasks,
    maskValues: settled.maskValues,
    notes: [...divided.notes, ...photos.notes, ...notes.filter((note) => note !== null)],
    warnings: [...divided.warnings, ...photos.warnings],
    fault: turning.fault ?? colours?.fault ?? settled.fault ?? range.fault,
    suggestedPalette: colours?.palette ?? [],
    remedy: valueRemedy(outOfRange, {
      data,
      numClasses,
      maskValues: settled.maskValues,
      numNames: dataOptions.classNames?.length ?? 0,
      values,
      hasPalette: dataOptions.palette !== null,
    }),
    numClasses,
    isNumClassesGuessed,
    classNames: Array.from({ length: numClasses }, (_, i) => nameOf(i)),
    ...classCounts(good, numClasses, classOf),
    sizes: sizesOf(good),
    paletteSha256: dataOptions.palette?.sha256 ?? '',
    numCachedFiles,
  };
}

/** By pages, where files are stacks, and without what can't be used. */
function withGood({ training, validation }: Split, good: ReadPair[]): Split {
  const idsOf = new Map<string, string[]>();
  for (const { fileId, pair } of good) idsOf.set(fileId, [...(idsOf.get(fileId) ?? []), pair.id]);
  const ofFiles = (ids: readonly string[]) => ids.flatMap((id) => idsOf.get(id) ?? []).sort(compareText);
  return { training: ofFiles(training), validation: ofFiles(validation) };
}

function unreadableOf({ pair, page, numPages, photo, mask }: PairFinding): Unreadable[] {
  const faults: Unreadable[] = [];
  const where = numPages > 1 ? `page ${page}: ` : '';
  if ('error' in photo) faults.push({ id: pair.id, path: pair.photo, reason: where + photo.error });
  if ('error' in mask) faults.push({ id: pair.id, path: pair.mask, reason: where + mask.error });
  return faults;
}

function turnedPair({ photo, mask, ...pair }: ReadPair, orientation: 'photo' | 'stored'): ReadPair {
  return {
    ...pair,
    photo: { ...photo, ...sizeFor(orientation, photo) },
    mask: { ...mask, ...sizeFor(orientation, mask) },
  };
}

const strayColours = ({ pair }: ReadPair): Unreadable => ({
  id: pair.id,
  path: pair.mask,
  reason: 'it has colours, not class indices, unlike most of the masks',
});

function isSameSize({ photo, mask }: ReadPair): boolean {
  return photo.width === mask.width && photo.height === mask.height;
}

function mismatchOf({ pair, photo, mask }: ReadPair): SizeMismatch {
  const sizeOf = ({ width, height }: Size) => ({ width, height });
  return { id: pair.id, photo: sizeOf(photo), mask: sizeOf(mask) };
}

/** The values of the masks that are whole throughout: one that is not (a photo by mistake) says nothing about the others. */
function occurringValues(
  pairs: ReadPair[],
  { ignoreIndex, numClasses: given }: DataConfig,
  { numClasses, classNames }: DataOptions,
): OccurringValues {
  const numPixels = new Map<number, number>();
  const numMasks = new Map<number, number>();
  const whole = pairs.filter(({ mask }) => mask.strange.length === 0);
  for (const { mask } of whole.length > 0 ? whole : pairs) {
    for (const [value, count] of mask.histogram) {
      numPixels.set(value, (numPixels.get(value) ?? 0) + count);
      numMasks.set(value, (numMasks.get(value) ?? 0) + 1);
    }
  }
  const ignored = ignoredValues(ignoreIndex);
  return { numPixels, numMasks, ignored, numClasses, isNumClassesGiven: given > 0, classNames };
}

/** What is said stands; a palette and a threshold have made classes of the values already. */
function settle(
  { maskValues, palette, maskThreshold, classNames }: DataConfig,
  { listedValues }: DataOptions,
  values: OccurringValues,
): SettledValues {
  if (maskValues !== 'auto') return { maskValues, note: null, fault: null };
  if (palette !== '' || maskThreshold > 0) return { maskValues: 'as-is', note: null, fault: null };
  if (listedValues !== null) {
    const listed = formatMaskValues(listedValues);
    const note = `${classNames} says the values of the classes: ${listed} (--mask-values ${listed}).`;
    return { maskValues: listed, note, fault: null };
  }
  return settleMaskValues(values);
}

/** Where nobody can say what the values mean, the report shows each as what it is. */
function shownAsValues(settled: SettledValues, { numPixels, ignored }: OccurringValues): SettledValues {
  const values = sortedValues({ numPixels, ignored });
  if (settled.fault === null || values.length < 2 || values.length > MAX_SHOWN) return settled;
  return { ...settled, maskValues: formatMaskValues(values) };
}

type ClassOf = (value: number) => number | 'ignored' | null;

/** null for a value that is no class. */
function classOfValue(
  classes: ReadonlyMap<number, number> | null,
  numClasses: number,
  ignored: ReadonlySet<number>,
): ClassOf {
  return (value) => {
    const listed = classes?.get(value);
    if (listed !== undefined) return listed;
    if (ignored.has(value)) return 'ignored';
    return classes === null && value >= 0 && value < numClasses ? value : null;
  };
}

function highestValue(pairs: ReadPair[], ignored: readonly number[]): number {
  let highest = -1;
  for (const { mask } of pairs) {
    for (const [value] of mask.histogram) if (value > highest && !ignored.includes(value)) highest = value;
  }
  return highest;
}

function outOfRangeOf(pair: Pair, mask: MaskFacts, classOf: ClassOf): OutOfRange[] {
  const wrong = mask.histogram.filter(([value]) => classOf(value) === null);
  const values = [
    ...wrong.map(([value, numPixels]) => ({ value: String(value), numPixels })),
    ...mask.strange,
  ];
  return values.length === 0 ? [] : [{ id: pair.id, mask: pair.mask, values }];
}

function sampleOf({ pair, page, photo, mask }: ReadPair): Sample {
  return {
    ...pair,
    width: photo.width,
    height: photo.height,
    page,
    photoSha256: photo.sha256,
    maskSha256: mask.sha256,
  };
}

function classCounts(pairs: ReadPair[], numClasses: number, classOf: ClassOf) {
  const classPixels = Array<number>(numClasses).fill(0);
  const classImages = Array<number>(numClasses).fill(0);
  let ignoredPixels = 0;
  for (const { mask } of pairs) {
    for (const [value, numPixels] of mask.histogram) {
      const index = classOf(value);
      if (index === 'ignored') {
        ignoredPixels += numPixels;
      } else if (index !== null) {
        classPixels[index]! += numPixels;
        classImages[index]! += 1;
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
