/**
 * Soft Dice over the batch, a loss that does not decompose over leaves: 1 - mean over classes of 2 I / (P + T), with the
 * sums over all valid pixels of the batch of p (P), of the truth (T) and of p where it is the truth (I).
 */
import type { TensorFlow } from '../tensorflow.ts';
import type { PixelLeaf, TwoPassLoss } from './loss.ts';

/** Totals: the weight of the pixels, then P + T and I of each class. */
export const batchDice: TwoPassLoss = {
  passes: 2,
  sums(tf, leaf) {
    const { probabilities, numClasses } = softmaxOf(tf, leaf);
    const sums = new Float64Array(1 + 2 * numClasses);
    leaf.labels.classes.forEach((truth, pixel) => {
      const weight = leaf.labels.weights?.[pixel] ?? 1;
      sums[0]! += weight;
      for (let c = 0; c < numClasses; c++) {
        const p = probabilities[pixel * numClasses + c]!;
        sums[1 + 2 * c]! += weight * (p + Number(c === truth));
        if (c === truth) sums[2 + 2 * c]! += weight * p;
      }
    });
    return sums;
  },
  compute(tf, leaf, totals) {
    const { probabilities, numClasses } = softmaxOf(tf, leaf);
    const [batchWeight = 0, ...ofClasses] = totals;
    const size = (c: number) => ofClasses[2 * c]!;
    const overlap = (c: number) => ofClasses[2 * c + 1]!;
    const classes = Array.from({ length: numClasses }, (_, c) => c);
    const loss = 1 - classes.reduce((sum, c) => sum + (2 * overlap(c)) / size(c), 0) / numClasses;
    const gradient = new Float32Array(probabilities.length);
    let weightSum = 0;
    leaf.labels.classes.forEach((truth, pixel) => {
      const weight = leaf.labels.weights?.[pixel] ?? 1;
      weightSum += weight;
      const first = pixel * numClasses;
      const ofProbability = classes.map(
        (c) =>
          (-weight / numClasses) * ((2 * Number(c === truth)) / size(c) - (2 * overlap(c)) / size(c) ** 2),
      );
      const mean = classes.reduce((sum, c) => sum + ofProbability[c]! * probabilities[first + c]!, 0);
      // The commit divides by the weight of the batch.
      for (const c of classes) {
        gradient[first + c] = batchWeight * probabilities[first + c]! * (ofProbability[c]! - mean);
      }
    });
    return { lossSum: loss * weightSum, weightSum, gradient: tf.tensor(leaf.logits.shape, gradient) };
  },
};

function softmaxOf(
  tf: TensorFlow,
  { logits }: PixelLeaf,
): { probabilities: Float64Array; numClasses: number } {
  const values = tf.read(logits);
  const numClasses = logits.shape[1]!;
  const probabilities = new Float64Array(values.length);
  for (let first = 0; first < values.length; first += numClasses) {
    const row = values.subarray(first, first + numClasses);
    const largest = Math.max(...row);
    const powers = Array.from(row, (value) => Math.exp(value - largest));
    const sum = powers.reduce((a, b) => a + b, 0);
    for (let c = 0; c < numClasses; c++) probabilities[first + c] = powers[c]! / sum;
  }
  return { probabilities, numClasses };
}
