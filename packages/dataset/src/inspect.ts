/** The table that a person wants before training, as plain data and as text. */
import { counted } from '@unet-fleet/law';
import { describeOutOfRange } from './dataset.ts';
import { describeKind } from './picture-kinds.ts';
import type { ScanReport } from './types.ts';

export interface ClassRow {
  index: number;
  name: string;
  numPixels: number;
  /** Of all pixels that are not ignored. */
  pixelShare: number;
  numImages: number;
  imageShare: number;
}

export interface DatasetTable {
  images: string;
  masks: string;
  numSamples: number;
  /** What the files are: format, type, channels, values, pages and orientations. */
  photoKinds: ScanReport['photoKinds'];
  maskKinds: ScanReport['maskKinds'];
  /** --value-range and --orientation as they are settled for this data. */
  valueRange: string;
  orientation: string;
  sizes: ScanReport['sizes'];
  classes: ClassRow[];
  /** Of all pixels. */
  ignoredShare: number;
  photosWithoutMasks: string[];
  masksWithoutPhotos: string[];
  /** One line for each wrong file. */
  faults: string[];
  numOtherFiles: number;
  /** Lines of a palette file, to be ordered and named; empty where none is needed. */
  suggestedPalette: string[];
}

export function datasetTable(report: ScanReport): DatasetTable {
  const { samples, classNames, classPixels, classImages, ignoredPixels } = report;
  const counted = classPixels.reduce((sum, pixels) => sum + pixels, 0);
  const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
  return {
    images: report.images,
    masks: report.masks,
    numSamples: samples.length,
    photoKinds: report.photoKinds,
    maskKinds: report.maskKinds,
    valueRange: report.valueRange,
    orientation: report.orientation,
    sizes: report.sizes,
    classes: classNames.map((name, index) => ({
      index,
      name,
      numPixels: classPixels[index] as number,
      pixelShare: share(classPixels[index] as number, counted),
      numImages: classImages[index] as number,
      imageShare: share(classImages[index] as number, samples.length),
    })),
    ignoredShare: share(ignoredPixels, counted + ignoredPixels),
    photosWithoutMasks: report.photosWithoutMasks,
    masksWithoutPhotos: report.masksWithoutPhotos,
    faults: faultLines(report),
    numOtherFiles: report.numOtherFiles,
    suggestedPalette: report.suggestedPalette,
  };
}

function faultLines({ unreadable, sizeMismatches, outOfRange }: ScanReport): string[] {
  return [
    ...unreadable.map(({ path, reason }) => `${path}: ${reason}`),
    ...sizeMismatches.map(
      ({ id, photo, mask }) =>
        `${id}: the photo has ${photo.width} x ${photo.height} pixels, its mask ${mask.width} x ${mask.height}`,
    ),
    ...outOfRange.map((wrong) => `${describeOutOfRange(wrong)} are no class`),
  ];
}

/** The table as lines of text; lists stop after `maxItems`. */
export function formatDatasetTable(table: DatasetTable, maxItems = 20): string {
  const lines = [
    `photos  ${table.images}`,
    ...formatKinds(table.photoKinds),
    `masks   ${table.masks}`,
    ...formatKinds(table.maskKinds),
    `pairs   ${table.numSamples}`,
    `sizes   ${formatSizes(table)}`,
    '',
    ...formatClasses(table),
  ];
  if (table.ignoredShare > 0) lines.push(`ignored pixels: ${percent(table.ignoredShare)}`);
  lines.push(
    ...formatList('photos without a mask', table.photosWithoutMasks, maxItems),
    ...formatList('masks without a photo', table.masksWithoutPhotos, maxItems),
    ...formatList('files that are wrong', table.faults, maxItems),
  );
  if (table.numOtherFiles > 0)
    lines.push('', `${counted(table.numOtherFiles, 'file')} of other kinds not looked at`);
  if (table.suggestedPalette.length > 0) {
    lines.push(
      '',
      'lines of a --palette file for these masks, to be put in the order of the classes and named:',
    );
    lines.push(...table.suggestedPalette.map((line) => `  ${line}`));
  }
  return lines.join('\n');
}

/** Kinds of which a person reads one by one. */
const maxKinds = 8;

function formatKinds(kinds: DatasetTable['photoKinds']): string[] {
  const lines = kinds.slice(0, maxKinds).map((kind) => `        ${describeKind(kind)}`);
  return kinds.length > maxKinds ? [...lines, `        and ${kinds.length - maxKinds} more kinds`] : lines;
}

function formatSizes({ sizes }: DatasetTable): string {
  if (sizes.length === 0) return 'none';
  const widths = sizes.map(({ width }) => width);
  const heights = sizes.map(({ height }) => height);
  const [{ width, height, numImages }] = sizes as [DatasetTable['sizes'][number]];
  if (sizes.length === 1) return `${width} x ${height}`;
  const range = (values: number[]) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return low === high ? `${low}` : `${low} to ${high}`;
  };
  return `${range(widths)} wide, ${range(heights)} high, ${sizes.length} different; most often ${width} x ${height} (${numImages})`;
}

function formatClasses({ classes }: DatasetTable): string[] {
  const rows = classes.map(({ index, name, pixelShare, numImages, imageShare }) => [
    String(index),
    name,
    percent(pixelShare),
    String(numImages),
    percent(imageShare),
  ]);
  const header = ['class', 'name', 'of pixels', 'images', 'of images'];
  const widths = header.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] as string).length)),
  );
  const format = (row: string[]) =>
    row
      .map((cell, i) => (i === 1 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
      .join('  ')
      .trimEnd();
  return [header, ...rows].map(format);
}

/** Rare classes keep a digit that tells them from absent ones. */
function percent(share: number): string {
  if (share === 0) return '0 %';
  const value = share * 100;
  if (value < 0.01) return '<0.01 %';
  return `${value < 1 ? value.toFixed(2) : value.toFixed(1)} %`;
}

function formatList(title: string, items: string[], maxItems: number): string[] {
  if (items.length === 0) return [];
  const shown = items.slice(0, maxItems).map((item) => `  ${item}`);
  const rest = items.length > maxItems ? [`  and ${items.length - maxItems} more`] : [];
  return ['', `${title} (${items.length}):`, ...shown, ...rest];
}
