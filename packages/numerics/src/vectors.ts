/**
 * The kernels on whole vectors, with their lengths checked. Every result depends on the values alone: cutting a
 * vector into parts and treating each by itself gives the same bits.
 */
import type { Bf16Vector, FloatVector } from './memory.ts';

function assertSameShape(a: FloatVector, b: FloatVector | Bf16Vector): void {
  if (a.length !== b.length) throw new RangeError(`vectors of ${a.length} and ${b.length} values`);
  if (a.memory !== b.memory) throw new Error('vectors of two memories');
}

/** accumulator += x, in float32. */
export function add(accumulator: FloatVector, x: FloatVector): void {
  assertSameShape(accumulator, x);
  accumulator.memory.kernels.add(accumulator.offset, x.offset, x.length);
}

/** Copies values; the vectors may lie in different memories. */
export function copy(target: FloatVector, source: FloatVector): void {
  target.view.set(source.view);
}

/** vector *= factor (rounded to float32 first). */
export function scale(vector: FloatVector, factor: number): void {
  vector.memory.kernels.scale(vector.offset, vector.length, factor);
}

/** Each value into [-limit, limit]; NaN stays NaN. As torch.nn.utils.clip_grad_value_. */
export function clipByValue(vector: FloatVector, limit: number): void {
  vector.memory.kernels.clipByValue(vector.offset, vector.length, limit);
}

export const anyNonFinite = (vector: FloatVector): boolean =>
  vector.memory.kernels.anyNonFinite(vector.offset, vector.length) !== 0;

/** float32 to bfloat16, rounded to nearest even (NaN becomes 0x7fc0, as in PyTorch). */
export function toBf16(source: FloatVector, target: Bf16Vector): void {
  assertSameShape(source, target);
  source.memory.kernels.toBf16(source.offset, target.offset, source.length);
}

/** bfloat16 to float32, exact. */
export function fromBf16(source: Bf16Vector, target: FloatVector): void {
  assertSameShape(target, source);
  target.memory.kernels.fromBf16(source.offset, target.offset, source.length);
}
