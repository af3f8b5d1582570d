/**
 * What a leaf adds up to beside its gradient, and whether its numbers can be used at all. A leaf whose loss, gradient
 * or statistics are not finite is emptied here, before anything is added to it: one such value would make every sum
 * that it enters useless, and nobody could say any more whose it was.
 */
import type { Precision } from '@unet-fleet/law';
import { blockSumsOfSquares, type FloatVector, sumBlocks } from '@unet-fleet/numerics';
import type { LeafLoss } from '../engine/types.ts';
import type { ResultMessage } from '../session/types.ts';

export type LeafSums = ResultMessage['leaves'][number];

const notFinite: LeafSums = { lossSum: 0, weightSum: 0, gradientNorm: 0, isFinite: false };

/** What a leaf comes to that the first pass has left out. */
export const leftOut: LeafLoss = { lossSum: Number.NaN, weightSum: 0 };

const isFiniteLoss = ({ lossSum, weightSum, addends = [] }: LeafLoss): boolean =>
  [lossSum, weightSum, ...addends].every(Number.isFinite);

/**
 * The sums of a training leaf. Fills gradients and statistics with zeros when any number of the leaf is not finite.
 * Takes about 0.5 ms per million parameters. `normOf`: of the gradient, where it is known already.
 */
export function trainLeafSums(
  loss: LeafLoss,
  gradients: FloatVector,
  statistics: Float32Array,
  normOf = () => Math.sqrt(sumBlocks([blockSumsOfSquares(gradients)])),
): LeafSums {
  if (isFiniteLoss(loss) && statistics.every(Number.isFinite)) {
    // Squares of finite float32 values can't overflow float64: the norm is finite if and only if every value is.
    const gradientNorm = normOf();
    const { lossSum, weightSum } = loss;
    if (Number.isFinite(gradientNorm)) return { lossSum, weightSum, gradientNorm, isFinite: true };
  }
  gradients.view.fill(0);
  statistics.fill(0);
  return notFinite;
}

/**
 * The sums of a leaf that is computed in the engine's own precision and, where they are not finite and the run says so, a
 * second time in float32: a function of leaf and weights alone, as one computation is.
 */
export async function finiteWherePossible(
  retriesInFloat32: boolean,
  compute: (precision?: Precision) => Promise<LeafSums>,
): Promise<LeafSums> {
  const sums = await compute();
  if (sums.isFinite || !retriesInFloat32) return sums;
  return { ...(await compute('float32')), isRetried: true };
}

/** The sums of a leaf without a gradient: of a validation, or of the first pass of a loss that has two. */
export function plainLeafSums(loss: LeafLoss): LeafSums {
  if (!isFiniteLoss(loss)) return notFinite;
  const { lossSum, weightSum, addends } = loss;
  return { lossSum, weightSum, gradientNorm: 0, isFinite: true, ...(addends && { addends }) };
}
