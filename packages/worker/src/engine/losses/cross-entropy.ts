/**
 * Cross-entropy over the valid pixels of a leaf, as sums: torch.nn.functional.cross_entropy(reduction='sum') with
 * weight and ignore_index. The sums over pixels are taken in float64 in pixel order.
 */
import type { TensorFlow } from '../tensorflow.ts';
import type { OnePassLoss, PixelLeaf, PixelLoss } from './loss.ts';

export const crossEntropy: OnePassLoss = { passes: 1, compute };

function compute(tf: TensorFlow, { logits, labels }: PixelLeaf): PixelLoss {
  const { classes, weights } = labels;
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
