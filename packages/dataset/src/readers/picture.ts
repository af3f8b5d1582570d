/**
 * What every container reader hands over: the numbers of one picture exactly as its file stores them, and what the file
 * says they mean. Photos (photo.ts) and masks (mask.ts) are two interpretations of it, so that what one reads the other
 * reads. Nothing is turned, stretched, inverted or coloured here.
 */
import type { NumberKind } from './numbers.ts';
import type { NumericArray } from './raster.ts';

/**
 * grey: 0 is black. inverted: grey of which 0 is white (TIFF's WhiteIsZero). rgb: red, green, blue. palette: indices
 * into `colors`. bands: several channels that the file gives no colour. numbers: an array that is no picture format.
 */
export type Meaning = 'grey' | 'inverted' | 'rgb' | 'palette' | 'bands' | 'numbers';

export interface Picture {
  /** Name of its format (containers.ts). */
  container: string;
  /** As stored, before `orientation`. */
  width: number;
  height: number;
  /** Values of a pixel: those of its meaning, then `numExtra` more. */
  channels: number;
  /** HWC, row by row: width x height x channels. Values of fewer than 8 bits have a byte each, unscaled. */
  values: NumericArray;
  /** As the file has it, with the bits of a value: 'u2' of 12 bits, 'f2' although `values` are Float32Array then. */
  kind: NumberKind;
  bits: number;
  meaning: Meaning;
  /** Trailing channels beyond the meaning, such as alpha. */
  numExtra: number;
  /** Whether the first of them is transparency. */
  hasAlpha: boolean;
  /** Of a palette: red, green, blue for each index, 0..255; else null. */
  colors: Uint8Array | null;
  /** EXIF's 1 to 8: how the stored rows are to be turned to be upright; 1: not at all. */
  orientation: number;
  /** The value of pixels that nothing is known of, which a photo shows black; null where the file names none. */
  noData?: number | null;
  /** Whether the compression may have changed values, as JPEG does at edges. */
  isLossy: boolean;
  /** Of the pages of the file that are pictures of their own, from 0. */
  page: number;
  numPages: number;
}

/** As a reader hands it over, who does not need to know the format's name. */
export type StoredPicture = Omit<Picture, 'container'>;

/** The fields that most pictures have alike. */
export const plainPicture = {
  numExtra: 0,
  hasAlpha: false,
  colors: null,
  orientation: 1,
  isLossy: false,
  page: 0,
  numPages: 1,
} as const satisfies Partial<Picture>;

/** Tells values that stand for no data. Floats of 32 bits are compared as such, however many digits the text has. */
export function noDataTest({
  noData = null,
  kind,
}: Pick<Picture, 'noData' | 'kind'>): (value: number) => boolean {
  if (noData === null) return () => false;
  const wanted = kind === 'f4' ? Math.fround(noData) : noData;
  return (value) => Object.is(value, wanted) || value === wanted;
}

/** Width and height after turning. */
export function uprightSize({
  width,
  height,
  orientation,
}: Pick<Picture, 'width' | 'height' | 'orientation'>) {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

/**
 * Turns `values` (HWC) upright by an EXIF orientation; 1 gives the same array back. Source of the eight cases: EXIF 2.3,
 * tag 274: where row 0 and column 0 of the stored picture lie in the upright one.
 */
export function turned<T extends NumericArray>(
  values: T,
  { width, height, channels, orientation }: Pick<Picture, 'width' | 'height' | 'channels' | 'orientation'>,
): T {
  if (orientation === 1) return values;
  const upright = uprightSize({ width, height, orientation });
  const result = new (values.constructor as new (length: number) => T)(values.length);
  // Steps in the result, in pixels, for one step right and one down in the stored picture.
  const [right, down, first] = stepsOf(orientation, upright);
  for (let y = 0, from = 0; y < height; y++) {
    let to = (first + y * down) * channels;
    for (let x = 0; x < width; x++, to += right * channels) {
      for (let c = 0; c < channels; c++) result[to + c] = values[from++] as number & bigint;
    }
  }
  return result;
}

function stepsOf(orientation: number, { width, height }: { width: number; height: number }) {
  const last = width * height - 1;
  switch (orientation) {
    case 2: // Row 0 at the top, column 0 at the right: mirrored.
      return [-1, width, width - 1] as const;
    case 3: // Bottom, right: turned by 180 degrees.
      return [-1, -width, last] as const;
    case 4: // Bottom, left: upside down.
      return [1, -width, width * (height - 1)] as const;
    case 5: // Left, top: transposed.
      return [width, 1, 0] as const;
    case 6: // Right, top: to be turned clockwise.
      return [width, -1, width - 1] as const;
    case 7: // Right, bottom.
      return [-width, -1, last] as const;
    default: // 8: left, bottom: to be turned anticlockwise.
      return [-width, 1, width * (height - 1)] as const;
  }
}
