/**
 * How two nodes of the reduction tree become their parent. Workers, reducers, replay and the simulator all add here, so
 * a node has the same bits wherever its children meet; a format that rounds sums on their way rounds them here.
 */
import type { FloatVector } from './memory.ts';
import { add } from './vectors.ts';

/**
 * Leaves left + right, in float32, in `sum`, which is one of the two; `addend` is the other. Which one is which makes no
 * difference: the sum of two values has no order.
 */
export function combineNodes(sum: FloatVector, addend: FloatVector): void {
  add(sum, addend);
}
