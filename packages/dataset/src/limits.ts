/**
 * The most that one file may make us allocate. Every reader checks a file's own claims (dimensions, inflated size)
 * against these before it believes them, so that a damaged or hostile file costs an error message, never the machine.
 */

/** What every reader of pictures is told about the most that it may read. */
export interface PixelLimit {
  /** Of one photo or mask (--max-pixels). */
  maxPixels: number;
  /** What to do about a larger one; left out: to raise --max-pixels. */
  remedy?: string;
}

/** Bytes of one file on disk. */
export const MAX_FILE_BYTES = 2 ** 30;

/** Bytes of a list that a person writes beside the data: a palette, class names. */
export const MAX_LIST_BYTES = 2 ** 20;

/**
 * Pixels that a file of this many bytes may claim. A picture of one colour packs well, but a few hundred bytes that
 * claim a hundred million pixels are damage or malice; below 4 million it does not matter.
 */
const believablePixels = (numFileBytes: number): number => Math.max(2 ** 22, numFileBytes * 2 ** 15);

/** The most pixels that a file of this many bytes is read with. */
export const maxPixelsOf = (numFileBytes: number, { maxPixels }: PixelLimit): number =>
  Math.min(maxPixels, believablePixels(numFileBytes));

/**
 * Throws (a plain sentence, to be completed with the file's name) unless the size is one that we read: within the
 * limit, and no more than a file of `numFileBytes` can be believed to hold.
 */
export function checkPixels(
  width: number,
  height: number,
  { maxPixels, remedy }: PixelLimit,
  numFileBytes = Number.POSITIVE_INFINITY,
): void {
  if (!Number.isInteger(width) || !Number.isInteger(height)) throw new Error('it is damaged: no size');
  if (width < 1 || height < 1) throw new Error(`it claims to be ${width} x ${height} pixels`);
  const numPixels = width * height;
  if (numPixels > believablePixels(numFileBytes)) {
    throw new Error(
      `it claims ${width} x ${height} pixels, more than the ${believablePixels(numFileBytes)} that a file of ${numFileBytes} bytes is believed to hold`,
    );
  }
  if (numPixels > maxPixels) {
    throw new Error(
      `it has ${width} x ${height} = ${numPixels} pixels, more than the ${maxPixels} that are read; ${remedy ?? `--max-pixels ${numPixels} reads it`}`,
    );
  }
}
