/**
 * The global norm, in an order that is fixed by the flat vector alone. The sum of squares is taken in float64 per
 * block of 1024 values of the flat vector, and the blocks are added in rising order. Whoever holds a part of the
 * vector that begins at a multiple of 1024 values (buckets do) gets its blocks; the parts' blocks put one after
 * another are the blocks of the whole, so the norm has the same bits however the vector was cut.
 */
import type { FloatVector } from './memory.ts';

/** Values per block. A part must begin at a multiple of this in the flat vector. */
export const normBlockValues = 1024;

/**
 * Sum of squares in float64 of each block of a vector; the last block may be shorter. Within a block the square at
 * index n goes to partial sum n mod 8 in rising n, and the eight are added as ((0+4)+(2+6)) + ((1+5)+(3+7)).
 */
export function blockSumsOfSquares(vector: FloatVector): Float64Array {
  const { memory } = vector;
  const numBlocks = Math.ceil(vector.length / normBlockValues);
  const scratch = memory.allocate(numBlocks * 2);
  memory.kernels.blockSumsOfSquares(vector.offset, vector.length, scratch.offset);
  const sums = new Float64Array(memory.buffer, scratch.offset, numBlocks).slice();
  memory.free(scratch);
  return sums;
}

/** Adds the blocks of all parts, which must be given in the order of the flat vector. */
export function sumBlocks(parts: Iterable<Float64Array>): number {
  let sum = 0;
  for (const blocks of parts) for (const block of blocks) sum += block;
  return sum;
}

/**
 * The factor of torch.nn.utils.clip_grad_norm_: limit / (norm + 1e-6), at most 1. `norm` is that of the mean
 * gradient. A norm that is not finite gives NaN or 0: check for that before the update.
 */
export const clipNormCoefficient = (limit: number, norm: number): number =>
  Math.fround(Math.min(1, limit / (norm + 1e-6)));
