/**
 * How values travel between workers and reducers: what `--wire` names, and how many bytes it comes to. A format that loses
 * bits is part of what a run is: every node of the reduction tree is rounded to it, wherever the node is computed, and every
 * leaf is computed with weights that are rounded to it. So which values have travelled changes nothing.
 */

/** How a vector is written: float32 as it is in memory, bfloat16, or int8 with a step per block. */
export type ValueFormat = 'float32' | 'bf16' | 'int8';

interface WireFormat {
  /** Of nodes, on their way to the reducers. */
  gradients: ValueFormat;
  /**
   * On their way to the workers. No int8: an update is often smaller than a block's step, so that a weight beside a large
   * one would not move for many steps, and then jump.
   */
  weights: ValueFormat;
}

export const wireFormats = {
  float32: { gradients: 'float32', weights: 'float32' },
  bf16: { gradients: 'bf16', weights: 'bf16' },
  int8: { gradients: 'int8', weights: 'bf16' },
} as const satisfies Record<string, WireFormat>;

export type WireName = keyof typeof wireFormats;
export const wireNames = Object.keys(wireFormats) as WireName[];

/** Values that share a step in int8, counted from the beginning of a bucket. */
export const int8BlockValues = 128;
const int8StepBytes = 2;

/** Bytes of so many values of one bucket. An int8 block has two bytes more, which give its step. */
export function packedBytes(format: ValueFormat, length: number): number {
  if (format === 'float32') return length * 4;
  if (format === 'bf16') return length * 2;
  return length + Math.ceil(length / int8BlockValues) * int8StepBytes;
}
