/** Inflating what a header has said the size of: never more than that, and into one piece of memory. */
import { inflateSync } from 'node:zlib';

/**
 * The largest piece that is reserved before anything of it has been inflated: a header may claim what the file does not
 * hold, and each piece beyond is had for one that has come.
 */
const MAX_PIECE_BYTES = 2 ** 22;
/** zlib's least. */
const MIN_PIECE_BYTES = 64;

/** Throws by zlib where there is more than `maxBytes`; less is the caller's to judge. */
export function inflateWithin(compressed: Uint8Array, maxBytes: number): Buffer {
  // Room for one byte more: a piece that is full has zlib begin another, only to find that nothing is left.
  const chunkSize = Math.max(MIN_PIECE_BYTES, Math.min(MAX_PIECE_BYTES, maxBytes + 1));
  return inflateSync(compressed, { maxOutputLength: maxBytes, chunkSize });
}
