/**
 * Kernels on whole vectors, with their lengths checked. Every result depends on the values alone: cutting a vector
 * into parts and treating each by itself gives the same bits.
 */
import type { FloatVector } from './memory.ts';

/** accumulator += x, in float32. */
export function add(accumulator: FloatVector, x: FloatVector): void {
  const { length, memory } = accumulator;
  if (length !== x.length) throw new RangeError(`vectors of ${length} and ${x.length} values`);
  if (memory !== x.memory) throw new Error('vectors of two memories');
  accumulator.memory.kernels.add(accumulator.offset, x.offset, x.length);
}
