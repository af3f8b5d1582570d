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

/** `logits` is [pixels, classes] and stays the caller's. Throws where a label is no class. */
export function pixelLoss(
  tf: TensorFlow,
  logits: Tensor,
  labels: Int32Array,
  options: LossOptions,
): PixelLoss {
  const [numPixels, numClasses] = logits.shape as [number, number];
  const weights = pixelWeights(labels, numClasses, options);
  const classes = weights ? labels.map((label) => (label === options.ignoreIndex ? 0 : label)) : labels;
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

/** Weight of each pixel; null when all count 1. */
function pixelWeights(labels: Int32Array, numClasses: number, options: LossOptions): Float32Array | null {
  const { ignoreIndex, classWeights } = options;
  let isPlain = classWeights === null;
  for (const label of labels) {
    if (label === ignoreIndex) isPlain = false;
    else if (label < 0 || label >= numClasses) throw new Error(`label ${label} of ${numClasses} classes`);
  }
  if (isPlain) return null;
  const weights = new Float32Array(labels.length);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    weights[i] = label === ignoreIndex ? 0 : (classWeights?.[label] ?? 1);
  }
  return weights;
}
