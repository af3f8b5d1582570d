/** Batch Dice against its formula in float64, written from MONAI's DiceLoss: the loss, and its gradient by differences. */
import { losses } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import { loadBinding } from '../binding.ts';
import { TensorFlow } from '../tensorflow.ts';
import { batchDice } from './batch-dice.ts';

const tf = new TensorFlow(loadBinding({ intraOpThreads: 1, device: 'cpu' }));
const { lossOf } = losses['batch-dice'].totals;
const numClasses = 4;
/** Class 3 does not occur, and one pixel does not count. */
const truth = [0, 0, 1, 2, 1, 0, 2, 0];
const weights = [1, 1, 1, 1, 1, 0, 1, 1];
const logits = Array.from({ length: truth.length * numClasses }, (_, i) => ((i * 37) % 23) / 6 - 2);

function softmax(row: number[]): number[] {
  const powers = row.map((value) => Math.exp(value));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** 1 - mean over the classes that are there of (2 intersection + 1e-5) / (cardinality + 1e-5), over all pixels at once. */
function reference(values: number[]): number {
  const pixels = truth.flatMap((label, pixel) =>
    weights[pixel] === 0
      ? []
      : [{ label, p: softmax(values.slice(pixel * numClasses, (pixel + 1) * numClasses)) }],
  );
  const present = [...new Set(pixels.map(({ label }) => label))];
  const dice = present.map((c) => {
    const intersection = pixels.reduce((sum, { label, p }) => sum + (label === c ? p[c]! : 0), 0);
    const cardinality = pixels.reduce((sum, { label, p }) => sum + p[c]! + (label === c ? 1 : 0), 0);
    return (2 * intersection + 1e-5) / (cardinality + 1e-5);
  });
  return 1 - dice.reduce((sum, value) => sum + value, 0) / present.length;
}

test('has the loss and the gradient of its formula, of one leaf and of two', () => {
  const leafOf = (first: number, end: number) => ({
    logits: tf.tensor(
      [end - first, numClasses],
      Float32Array.from(logits.slice(first * numClasses, end * numClasses)),
    ),
    labels: {
      classes: Int32Array.from(truth.slice(first, end)),
      weights: Float32Array.from(weights.slice(first, end)),
    },
  });
  for (const leaves of [[leafOf(0, 8)], [leafOf(0, 3), leafOf(3, 8)]]) {
    const addends = leaves.map((leaf) => batchDice.addends(tf, leaf));
    const totals = addends.reduce((sum, ofLeaf) => sum.map((value, i) => value + ofLeaf[i]!));
    const { lossSum, weightSum } = lossOf(totals);
    expect(weightSum).toBe(7);
    expect(lossSum / weightSum).toBeCloseTo(reference(logits), 6);
    const computed = leaves.map((leaf) => batchDice.compute(tf, leaf, totals));
    expect(computed.reduce((sum, leaf) => sum + leaf.lossSum, 0)).toBeCloseTo(lossSum, 6);
    const gradient = computed.flatMap((leaf) => Array.from(tf.read(leaf.gradient)));
    logits.forEach((_, i) => {
      const moved = (by: number) => reference(logits.map((value, k) => (k === i ? value + by : value)));
      const difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
      // Of the mean loss, as the commit divides.
      expect(gradient[i]! / weightSum).toBeCloseTo(difference, 6);
    });
  }
});
