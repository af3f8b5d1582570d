/**
 * What a loss is to the engine. A batch is computed in leaves, by whoever has time for them, and only sums cross from one
 * leaf to another: so a loss says what it must know of the whole batch (a first pass, whose sums are added in leaf order),
 * and what gradient a leaf has then. With one leaf or many, the gradient of the batch is the same but for rounding.
 *
 * The sums over leaves of `lossSum` and of the gradient are divided by that of `weightSum` when a step is committed. A loss
 * that is no mean over pixels multiplies by the weight of the batch, which is among its totals, and it stays exact.
 */
import type { Tensor, TensorFlow } from '../tensorflow.ts';
import type { LeafLoss } from '../types.ts';
import type { PixelLabels } from './labels.ts';

export interface PixelLeaf {
  /** [pixels, classes]; the caller's. */
  logits: Tensor;
  labels: PixelLabels;
}

export interface PixelLoss extends LeafLoss {
  /** Of the loss sum with respect to the logits [pixels, classes]; the caller's. */
  gradient: Tensor;
}

/** One that needs nothing of other leaves. */
export interface OnePassLoss {
  passes: 1;
  compute(tf: TensorFlow, leaf: PixelLeaf): PixelLoss;
}

/** One whose gradient depends on sums over the batch. */
export interface TwoPassLoss {
  passes: 2;
  /** This leaf's part of the totals that the law has for the loss, in float64 and in pixel order. */
  addends(tf: TensorFlow, leaf: PixelLeaf): number[];
  /** `totals`: the addends of all leaves of the batch, added in leaf order. */
  compute(tf: TensorFlow, leaf: PixelLeaf, totals: readonly number[]): PixelLoss;
}

export type Loss = OnePassLoss | TwoPassLoss;
