/** The kinds of files in a set, for the table that a person wants before training. Pure. */
import { describePicture, type PictureFacts } from './readers/picture-facts.ts';

export interface PictureKind {
  /** "tiff, uint16, grey" */
  kind: string;
  container: PictureFacts['container'];
  channels: number;
  bits: number;
  /** Least and greatest value that occurs; of a palette its indices. */
  low: number;
  high: number;
  /** Pages, where files are stacks. */
  numPictures: number;
  /** How many of them carry each EXIF orientation but 1 (upright). */
  orientations: Record<string, number>;
}

/** The most frequent kind first. */
export function kindsOf(pictures: readonly PictureFacts[]): PictureKind[] {
  const kinds = new Map<string, PictureKind>();
  for (const facts of pictures) {
    const kind = describePicture(facts);
    const { container, channels, bits, low, high, orientation } = facts;
    const found = kinds.get(kind) ?? {
      kind,
      container,
      channels,
      bits,
      low,
      high,
      numPictures: 0,
      orientations: {},
    };
    found.low = Math.min(found.low, low);
    found.high = Math.max(found.high, high);
    found.numPictures += 1;
    if (orientation !== 1) found.orientations[orientation] = (found.orientations[orientation] ?? 0) + 1;
    kinds.set(kind, found);
  }
  return [...kinds.values()].sort((a, b) => b.numPictures - a.numPictures || (a.kind < b.kind ? -1 : 1));
}

/** "12 tiff, uint16, grey, values 13 to 4095, 3 with orientation 6" */
export function describeKind({ kind, low, high, numPictures, orientations }: PictureKind): string {
  const oriented = Object.entries(orientations).map(([value, count]) => `${count} with orientation ${value}`);
  return [`${numPictures} ${kind}`, `values ${low} to ${high}`, ...oriented].join(', ');
}
