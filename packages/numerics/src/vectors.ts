/**
 * Kernels on whole vectors, with their lengths checked. Every result depends on the values alone: cutting a vector
 * into parts and treating each by itself gives the same bits, but for int8, whose blocks are counted from a vector's beginning.
 */
import type { ValueFormat } from '@unet-fleet/law';
import { kernelNames } from './formats.ts';
import type { FloatVector } from './memory.ts';

/** accumulator += x, in float32; then each value as its format has it. */
export function add(accumulator: FloatVector, x: FloatVector, format: ValueFormat = 'float32'): void {
  const { length, memory } = accumulator;
  if (length !== x.length) throw new RangeError(`vectors of ${length} and ${x.length} values`);
  if (memory !== x.memory) throw new Error('vectors of two memories');
  const name = format === 'float32' ? 'add' : (`add${kernelNames[format]}` as const);
  memory.kernels[name](accumulator.offset, x.offset, length);
}
