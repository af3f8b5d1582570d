/**
 * Maps of class indices: how they are read, what is counted in them, and how classes are named and coloured. Pure, for
 * files, pages and reports alike.
 */
import { classColour, cssColour, ignoredColour, type Rgb } from './palette.ts';

/** Class index (or the ignore index) of each pixel, row by row. */
export interface LabelMap {
  width: number;
  height: number;
  labels: Uint8Array | Uint16Array;
}

/** How classes are shown: their names, and the label that means "not counted". */
export interface ClassScheme {
  /** In order of class index; a class without a name is shown by its index. */
  classNames: string[];
  /** -1 for none. */
  ignoreIndex: number;
}

export const nameOf = (classNames: readonly string[], classIndex: number): string =>
  classNames[classIndex] || `class ${classIndex}`;

export const nameOfLabel = ({ classNames, ignoreIndex }: ClassScheme, label: number): string =>
  label === ignoreIndex ? 'ignored' : nameOf(classNames, label);

export const colourOfLabel = ({ ignoreIndex }: ClassScheme, label: number): Rgb =>
  label === ignoreIndex ? ignoredColour : classColour(label);

export const cssOfLabel = (scheme: ClassScheme, label: number): string =>
  cssColour(colourOfLabel(scheme, label));

/** Labels that occur in any of the maps, ascending, the ignore index last. */
export function labelsIn(maps: LabelMap[], scheme: ClassScheme): number[] {
  const seen = new Uint8Array(65536);
  for (const { labels } of maps) for (let pixel = 0; pixel < labels.length; pixel++) seen[labels[pixel]!] = 1;
  const found: number[] = [];
  for (let label = 0; label < seen.length; label++) {
    if (seen[label] === 1 && label !== scheme.ignoreIndex) found.push(label);
  }
  return seen[scheme.ignoreIndex] === 1 ? [...found, scheme.ignoreIndex] : found;
}

/** Nearest neighbour, by pixel centres: no class that was not there can appear. */
export function resizeLabelMap(map: LabelMap, width: number, height: number): LabelMap {
  if (map.width === width && map.height === height) return map;
  const labels =
    map.labels instanceof Uint16Array ? new Uint16Array(width * height) : new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const sourceRow = Math.floor(((y + 0.5) * map.height) / height) * map.width;
    for (let x = 0; x < width; x++) {
      labels[y * width + x] = map.labels[sourceRow + Math.floor(((x + 0.5) * map.width) / width)]!;
    }
  }
  return { width, height, labels };
}

export interface PixelSize {
  width: number;
  height: number;
}

/** In whole pixels, at least one. */
export const scaledSize = ({ width, height }: PixelSize, factor: number): PixelSize => ({
  width: Math.max(1, Math.round(width * factor)),
  height: Math.max(1, Math.round(height * factor)),
});

/** At most `maxSide` pixels on its longer side; never enlarged. */
export const fittedSize = (size: PixelSize, maxSide: number): PixelSize =>
  scaledSize(size, Math.min(1, maxSide / Math.max(size.width, size.height)));

/** One byte a pixel, or two, little-endian. Throws if the length does not fit the size. */
export function labelMapOf(
  bytes: Uint8Array,
  { width, height, bytesPerPixel }: PixelSize & { bytesPerPixel: 1 | 2 },
): LabelMap {
  const numPixels = width * height;
  if (bytes.length !== numPixels * bytesPerPixel) {
    throw new Error(`${bytes.length} bytes are no ${width} x ${height} map of ${bytesPerPixel} a pixel`);
  }
  if (bytesPerPixel === 1) return { width, height, labels: bytes };
  const labels = new Uint16Array(numPixels);
  for (let pixel = 0; pixel < numPixels; pixel++) {
    labels[pixel] = bytes[pixel * 2]! | (bytes[pixel * 2 + 1]! << 8);
  }
  return { width, height, labels };
}

/** What the truth has where no class is to be learned: the highest value of its type. */
export const ignoredValue = ({ labels }: LabelMap): number => (labels instanceof Uint16Array ? 0xffff : 0xff);

/** Pixels of each class; what is no class, such as ignored pixels, is left out. */
export function countClasses({ labels }: LabelMap, numClasses: number): Float64Array {
  const counts = new Float64Array(numClasses);
  for (const classIndex of labels) if (classIndex < numClasses) counts[classIndex]!++;
  return counts;
}

/** Why a pixel is wrong. Where there is no background class, all that is wrong is confused. */
export type ErrorKind = 'missed' | 'invented' | 'confused';

/** null: right, or not to be counted. */
export function errorKind(truth: number, prediction: number, background: number | null): ErrorKind | null {
  if (truth === prediction) return null;
  if (prediction === background) return 'missed';
  return truth === background ? 'invented' : 'confused';
}

export interface ErrorCounts extends Record<ErrorKind, number> {
  numCounted: number;
  numRight: number;
}

/** Over all classes, without ignored pixels. Throws if the sizes differ. */
export function countErrors(truth: LabelMap, prediction: LabelMap, background: number | null): ErrorCounts {
  assertSameSize(truth, prediction);
  const counts: ErrorCounts = { numCounted: 0, numRight: 0, missed: 0, invented: 0, confused: 0 };
  const ignored = ignoredValue(truth);
  for (let pixel = 0; pixel < truth.labels.length; pixel++) {
    if (truth.labels[pixel] === ignored) continue;
    counts.numCounted++;
    const kind = errorKind(truth.labels[pixel]!, prediction.labels[pixel]!, background);
    if (kind === null) counts.numRight++;
    else counts[kind]++;
  }
  return counts;
}

/** Throws if they differ. */
export function assertSameSize(left: PixelSize, right: PixelSize): void {
  if (left.width !== right.width || left.height !== right.height) {
    throw new Error(`${left.width} x ${left.height} is not the size ${right.width} x ${right.height}`);
  }
}
