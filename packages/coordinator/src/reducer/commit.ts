/**
 * The commit of a step, once for the coordinator, a replay and the simulator: mean, norm, clip, update. The root's norm
 * is looked at before any weight changes, and the result is the same for any number of reducers.
 */

import { stepOn, type TrainConfig, UserError, type Version } from '@unet-fleet/law';
import { clipNormCoefficient, sumBlocks } from '@unet-fleet/numerics';
import type { BucketSquares, StepUpdate } from './bucket-owner.ts';

/** Whoever holds the root of the step, the weights and the optimizer's state. */
export interface StepOwners {
  /** Of all buckets, in any order. */
  sumsOfSquares(numLeaves: number): Promise<BucketSquares[]>;
  apply(update: StepUpdate): Promise<void>;
}

export interface StepCommit {
  /** Of the weights that the gradients are of. */
  version: Version;
  numLeaves: number;
  /** Of all leaves, added in leaf order. */
  weightSum: number;
  learningRate: number;
  skippedLeaves: readonly number[];
}

/**
 * Applies the sum of the step's gradients, and resolves with the norm of their mean before clipping. Rejects with a
 * UserError, and changes nothing, when that is not a finite number.
 */
export async function commitStep(
  owners: StepOwners,
  { version, numLeaves, weightSum, learningRate, skippedLeaves }: StepCommit,
  { clip, clipLimit }: Pick<TrainConfig, 'clip' | 'clipLimit'>,
): Promise<number> {
  // A batch without a valid pixel has no gradient; its step changes the weights by momentum and decay alone.
  const scale = weightSum > 0 ? 1 / weightSum : 0;
  const gradientNorm = normOf(await owners.sumsOfSquares(numLeaves)) * scale;
  if (!Number.isFinite(gradientNorm)) {
    throw new UserError(
      `the sum of the gradients of step ${stepOn(version)} is not a finite number, though each leaf's is: lower ` +
        '--learning-rate or clip harder in a new run',
    );
  }
  const normCoefficient = clip === 'norm' ? clipNormCoefficient(clipLimit, gradientNorm) : 1;
  const scalars = { scale, normCoefficient, learningRate, updateIndex: stepOn(version) };
  await owners.apply({ numLeaves, skippedLeaves, scalars });
  return gradientNorm;
}

/** In float64, added in the order of the flat vector. */
function normOf(squares: readonly BucketSquares[]): number {
  const inOrder = squares.toSorted((a, b) => a.bucket - b.bucket);
  return Math.sqrt(sumBlocks(inOrder.map(({ blocks }) => blocks)));
}
