/** Maps of class indices, and the small things that every picture of them needs. */
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

export const nameOfClass = ({ classNames, ignoreIndex }: ClassScheme, label: number): string =>
  label === ignoreIndex ? 'ignored' : classNames[label] || `class ${label}`;

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
