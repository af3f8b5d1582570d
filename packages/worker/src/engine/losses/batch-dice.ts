/**
 * Soft Dice over the global batch, as law/losses/batch-dice.ts defines it. The probabilities are TensorFlow's; sums and
 * gradient are taken of them in float64 and in pixel order.
 */
import { diceSmoothing, diceTotals, losses } from '@unet-fleet/law';
import type { Tensor, TensorFlow } from '../tensorflow.ts';
import type { PixelLabels } from './labels.ts';
import type { PixelLeaf, TwoPassLoss } from './loss.ts';

const { totals: rule } = losses['batch-dice'];

export const batchDice: TwoPassLoss = {
  passes: 2,
  addends(tf, { logits, labels }) {
    const numClasses = logits.shape[1]!;
    const probabilities = probabilitiesOf(tf, logits);
    const sums = new Array<number>(rule.count(numClasses)).fill(0);
    forEachCounted(labels, (truth, pixel) => {
      const first = pixel * numClasses;
      for (let c = 0; c < numClasses; c++) sums[3 * c]! += probabilities[first + c]!;
      sums[3 * truth + 1]! += 1;
      sums[3 * truth + 2]! += probabilities[first + truth]!;
    });
    return sums;
  },
  compute(tf, { logits, labels }: PixelLeaf, totals) {
    const numClasses = logits.shape[1]!;
    const ofBatch = rule.lossOf(totals);
    const probabilities = probabilitiesOf(tf, logits);
    const { ofTruth, ofAny } = derivatives(totals, numClasses, ofBatch.weightSum);
    const gradient = new Float32Array(probabilities.length);
    let weightSum = 0;
    forEachCounted(labels, (truth, pixel) => {
      weightSum++;
      const first = pixel * numClasses;
      // Through the softmax: p_c (g_c - sum over k of g_k p_k).
      let mean = ofTruth[truth]! * probabilities[first + truth]!;
      for (let c = 0; c < numClasses; c++) mean += ofAny[c]! * probabilities[first + c]!;
      for (let c = 0; c < numClasses; c++) {
        const ofProbability = c === truth ? ofAny[c]! + ofTruth[c]! : ofAny[c]!;
        gradient[first + c] = probabilities[first + c]! * (ofProbability - mean);
      }
    });
    const loss = weightSum > 0 ? ofBatch.lossSum / ofBatch.weightSum : 0;
    return { lossSum: loss * weightSum, weightSum, gradient: tf.tensor(logits.shape, gradient) };
  },
};

/**
 * Of the batch's loss times its weight, by which the commit divides, with respect to a class's probability at a pixel: what
 * every pixel has, and what one of the class has besides.
 */
function derivatives(totals: readonly number[], numClasses: number, weight: number) {
  const ofAny = new Float64Array(numClasses);
  const ofTruth = new Float64Array(numClasses);
  const classes = Array.from({ length: numClasses }, (_, c) => ({ c, ...diceTotals(totals, c) }));
  const present = classes.filter(({ truth }) => truth > 0);
  for (const { c, probability, truth, overlap } of present) {
    const size = probability + truth + diceSmoothing;
    const dice = (2 * overlap + diceSmoothing) / size;
    ofAny[c] = (weight / present.length) * (dice / size);
    ofTruth[c] = (weight / present.length) * (-2 / size);
  }
  return { ofAny, ofTruth };
}

function probabilitiesOf(tf: TensorFlow, logits: Tensor): Float32Array {
  const softmax = tf.softmax(logits);
  const values = tf.read(softmax);
  tf.free(softmax);
  return values;
}

/** Pixels that count, in their order: all have weight 1. */
function forEachCounted(
  { classes, weights }: PixelLabels,
  each: (truth: number, pixel: number) => void,
): void {
  for (let pixel = 0; pixel < classes.length; pixel++) {
    if (weights === null || weights[pixel]! > 0) each(classes[pixel]!, pixel);
  }
}
