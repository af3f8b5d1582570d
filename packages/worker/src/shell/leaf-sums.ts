/**
 * What a leaf adds up to beside its gradient, and whether its numbers can be used at all. A leaf whose loss, gradient
 * or statistics are not finite is emptied here, before anything is added to it: one such value would make every sum
 * that it enters useless, and nobody could say any more whose it was.
 */
import { blockSumsOfSquares, type FloatVector, sumBlocks } from '@unet-fleet/numerics';
import type { LeafLoss } from '../engine/types.ts';
import type { ResultMessage } from '../session/types.ts';

export type LeafSums = ResultMessage['leaves'][number];

const notFinite: LeafSums = { lossSum: 0, weightSum: 0, gradientNorm: 0, isFinite: false };

const isFiniteLoss = ({ lossSum, weightSum }: LeafLoss): boolean =>
  Number.isFinite(lossSum) && Number.isFinite(weightSum);

/**
 * The sums of a training leaf. Fills gradients and statistics with zeros when any number of the leaf is not finite.
 * Takes about 0.5 ms per million parameters.
 */
export function trainLeafSums(loss: LeafLoss, gradients: FloatVector, statistics: Float32Array): LeafSums {
  // Squares of finite float32 values can't overflow float64: the norm is finite if and only if every value is.
  const gradientNorm = Math.sqrt(sumBlocks([blockSumsOfSquares(gradients)]));
  if (isFiniteLoss(loss) && Number.isFinite(gradientNorm) && statistics.every(Number.isFinite)) {
    const { lossSum, weightSum } = loss;
    return { lossSum, weightSum, gradientNorm, isFinite: true };
  }
  gradients.view.fill(0);
  statistics.fill(0);
  return notFinite;
}

/** The sums of a validation leaf, which has no gradient. */
export const validationLeafSums = (loss: LeafLoss): LeafSums =>
  isFiniteLoss(loss)
    ? { lossSum: loss.lossSum, weightSum: loss.weightSum, gradientNorm: 0, isFinite: true }
    : notFinite;
