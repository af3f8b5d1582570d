/**
 * Cross-entropy over the valid pixels of a leaf, as sums: torch.nn.functional.cross_entropy(reduction='sum') with
 * weight and ignore_index. The sums over pixels are taken in float64 in pixel order.
 */

import type { Tensor, TensorFlow } from './tensorflow.ts';
import type { LeafLoss } from './types.ts';

export interface LossOptions {
  ignoreIndex: number;
  classWeights: number[] | null;
}

export interface PixelLoss extends LeafLoss {
  /** Of the loss sum with respect to the logits [pixels, classes]; the caller's. */
  gradient: Tensor;
}

/** Labels made ready for the kernel. */
export interface PixelLabels {
  /** A class for every pixel; any for one that does not count. */
  classes: Int32Array;
  /** Weight of each pixel; null when all count 1. */
  weights: Float32Array | null;
}

/** Throws where a label is no class; so call it before anything is computed. */
export function readLabels(labels: Int32Array, numClasses: number, options: LossOptions): PixelLabels {
  const { ignoreIndex, classWeights } = options;
  let isPlain = classWeights === null;
  for (const label of labels) {
    if (label === ignoreIndex) isPlain = false;
    else if (label < 0 || label >= numClasses) throw new Error(`label ${label} of ${numClasses} classes`);
  }
  if (isPlain) return { classes: labels, weights: null };
  return {
    classes: labels.map((label) => (label === ignoreIndex ? 0 : label)),
    weights: Float32Array.from(labels, (label) => (label === ignoreIndex ? 0 : (classWeights?.[label] ?? 1))),
  };
}

/** `logits` is [pixels, classes] and stays the caller's. */
export function pixelLoss(tf: TensorFlow, logits: Tensor, { classes, weights }: PixelLabels): PixelLoss {
  const numPixels = classes.length;
  const labelTensor = tf.indices([numPixels], classes);
  const { loss, gradient } = tf.crossEntropy(logits, labelTensor);
  const losses = tf.read(loss);
  tf.free(labelTensor, loss);
  let lossSum = 0;
  let weightSum = 0;
  if (!weights) {
    for (let i = 0; i < losses.length; i++) lossSum += losses[i]!;
    return { lossSum, weightSum: numPixels, gradient };
  }
  for (let i = 0; i < losses.length; i++) {
    // A pixel that does not count must not count either when its loss is not finite.
    if (weights[i]! > 0) lossSum += losses[i]! * weights[i]!;
    weightSum += weights[i]!;
  }
  const weightTensor = tf.tensor([numPixels, 1], weights);
  const weighted = tf.multiply(gradient, weightTensor);
  tf.free(gradient, weightTensor);
  return { lossSum, weightSum, gradient: weighted };
}
