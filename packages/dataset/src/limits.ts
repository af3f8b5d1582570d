/**
 * The most that one file may make us allocate. Every reader checks a file's own claims (dimensions, inflated size)
 * against these before it believes them, so that a damaged or hostile file costs an error message, never the machine.
 */

/** Pixels of one photo or mask: 134 million, such as 11,585 x 11,585. */
export const MAX_PIXELS = 2 ** 27;

/** Bytes of one file on disk. */
export const MAX_FILE_BYTES = 2 ** 30;

/** Bytes of a list that a person writes beside the data: a palette, class names. */
export const MAX_LIST_BYTES = 2 ** 20;

/**
 * Pixels that a file of this many bytes may claim. A picture of one colour packs well, but a few hundred bytes that
 * claim a hundred million pixels are damage or malice; below 4 million it does not matter.
 */
export function maxPixelsOf(numFileBytes: number): number {
  return Math.min(MAX_PIXELS, Math.max(2 ** 22, numFileBytes * 2 ** 15));
}

/** Throws (a plain sentence, to be completed with the file's name) unless the size is one that we read. */
export function checkPixels(width: number, height: number, maxPixels = MAX_PIXELS): void {
  if (!Number.isInteger(width) || !Number.isInteger(height)) throw new Error('it is damaged: no size');
  if (width < 1 || height < 1) throw new Error(`it claims to be ${width} x ${height} pixels`);
  if (width * height > maxPixels) {
    const ofItsSize = maxPixels < MAX_PIXELS ? ' of a file of its size' : '';
    throw new Error(
      `it claims ${width} x ${height} pixels, more than the ${maxPixels} that are read${ofItsSize}`,
    );
  }
}
