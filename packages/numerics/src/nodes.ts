/**
 * How nodes of the reduction tree come about: a leaf, and two nodes that become their parent. Workers, reducers, replay
 * and the simulator all do it here, and a format that loses bits is rounded to here and nowhere else: at every node, also
 * where it does not travel. So a node has the same bits wherever its children meet.
 */
import type { ValueFormat } from '@unet-fleet/law';
import { roundValues } from './formats.ts';
import type { FloatVector } from './memory.ts';
import { add } from './vectors.ts';

/** What the gradient sums of a leaf, of one bucket, are as a node. Values that do not fit the format are not finite then. */
export function roundLeaf(gradients: FloatVector, format: ValueFormat): void {
  roundValues(gradients, format);
}

/**
 * Leaves left + right, in float32 and then rounded, in `sum`, which is one of the two; `addend` is the other. Which one is
 * which makes no difference: the sum of two values has no order. Both are of one bucket.
 */
export function combineNodes(sum: FloatVector, addend: FloatVector, format: ValueFormat): void {
  add(sum, addend, format);
}
