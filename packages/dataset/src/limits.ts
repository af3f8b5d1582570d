/**
 * The most that one file may make us allocate. Every reader checks a file's own claims (dimensions, inflated size)
 * against these before it believes them, so that a damaged or hostile file costs an error message, never the machine.
 */

/** Pixels of one photo or mask: 134 million, such as 11,585 x 11,585. */
export const MAX_PIXELS = 2 ** 27;

/** Bytes that one compressed part of a file may inflate to: the largest mask in float64. */
export const MAX_INFLATED_BYTES = 8 * MAX_PIXELS;

/** Bytes of one file on disk. */
export const MAX_FILE_BYTES = 2 ** 30;

/** Throws (a plain sentence, to be completed with the file's name) unless the size is one that we read. */
export function checkPixels(width: number, height: number): void {
  if (!Number.isInteger(width) || !Number.isInteger(height)) throw new Error('it is damaged: no size');
  if (width < 1 || height < 1) throw new Error(`it claims to be ${width} x ${height} pixels`);
  if (width * height > MAX_PIXELS) {
    throw new Error(`it claims ${width} x ${height} pixels, more than the ${MAX_PIXELS} that are read`);
  }
}
