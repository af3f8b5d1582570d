/** A loss that is no mean over pixels, computed in leaves: its gradient is that of the whole batch at once. */
import { describeModel, firstPassOf, type ModelConfig, losses as rules } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import { fixtureParameters, leafOf, readLeaf } from '../../../../../test/fixtures/model/read.ts';
import { plainLeafSums } from '../../shell/leaf-sums.ts';
import { loadBinding } from '../binding.ts';
import { createEngine } from '../tensorflow-engine.ts';
import type { LeafLoss, TrainBatch } from '../types.ts';

const fixture = readLeaf('gradients-ignored');
// Norms over single images: with batch norms the leaves' activations would differ from those of the whole batch. Few levels,
// as norms over one pixel magnify rounding.
const model: ModelConfig = {
  ...fixture.model,
  architecture: 'residual-encoder',
  norm: 'instance',
  depth: 2,
  // Both passes have to drop the same.
  dropout: 0.2,
};
const description = describeModel(model);
const { ignoreIndex } = fixture;
const options = {
  ...{ model, device: 'cpu', intraOpThreads: 1, precision: 'float32' },
  ...{ ignoreIndex, classWeights: null },
} as const;
const engine = createEngine({ ...options, loss: 'batch-dice' });
const { numClasses } = model;
const rule = rules['batch-dice'].totals;
engine.setWeights(
  fixtureParameters(description, fixture.seed, 'varied'),
  new Float32Array(description.numStatistics),
);

/** Two passes over these leaves, as a step makes them: sums, then gradients that are added and divided once. */
function stepOver(leaves: (() => TrainBatch)[]) {
  const sums = leaves.map((leaf) =>
    plainLeafSums({ lossSum: 0, weightSum: 0, addends: engine.addendsOfLeaf(leaf()) }),
  );
  const { totals } = firstPassOf(rule, numClasses, sums);
  const gradient = new Float64Array(description.numParameters);
  const whole: LeafLoss = { lossSum: 0, weightSum: 0 };
  for (const leaf of leaves) {
    const ofLeaf = new Float32Array(description.numParameters);
    const statistics = new Float32Array(description.numStatistics);
    const { lossSum, weightSum } = engine.trainLeaf(leaf(), ofLeaf, statistics, undefined, totals);
    ofLeaf.forEach((value, i) => {
      gradient[i]! += value;
    });
    whole.lossSum += lossSum;
    whole.weightSum += weightSum;
  }
  return {
    gradient: gradient.map((value) => value / whole.weightSum),
    loss: whole.lossSum / whole.weightSum,
    totals,
  };
}

const distance = (a: Float64Array, b: Float64Array): number =>
  Math.sqrt(
    a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) /
      b.reduce((sum, value) => sum + value ** 2, 0),
  );

const images = Array.from({ length: fixture.numImages }, (_, image) => () => leafOf(fixture, image, 1));
const whole = stepOver([() => leafOf(fixture)]);

test('leaves have the loss and the gradient of the whole batch', () => {
  expect(images.length).toBeGreaterThan(1);
  const inLeaves = stepOver(images);
  expect(inLeaves.loss).toBeCloseTo(whole.loss, 6);
  expect(distance(inLeaves.gradient, whole.gradient)).toBeLessThan(1e-4);
  // And not by chance: a mean over leaves, each with its own totals, is another loss.
  const apart = images.map((image) => stepOver([image]));
  const mean = apart[0]!.gradient.map(
    (_, i) => apart.reduce((sum, { gradient }) => sum + gradient[i]!, 0) / apart.length,
  );
  expect(distance(mean, whole.gradient)).toBeGreaterThan(1e-2);
});

test('the gradient is that of the loss: a small step against it lowers the loss by what it says', () => {
  const parameters = fixtureParameters(description, fixture.seed, 'varied');
  const squares = whole.gradient.reduce((sum, value) => sum + value ** 2, 0);
  const size = 1e-4 / Math.sqrt(squares);
  const lossAt = (factor: number): number => {
    const moved = parameters.map((value, i) => value - factor * size * whole.gradient[i]!);
    engine.setWeights(moved, new Float32Array(description.numStatistics));
    return stepOver([() => leafOf(fixture)]).loss;
  };
  const fall = (lossAt(-1) - lossAt(1)) / 2;
  engine.setWeights(parameters, new Float32Array(description.numStatistics));
  expect(fall / (size * squares)).toBeCloseTo(1, 1);
});

test('the loss is 1 - the mean over the classes that are there of their Dice, over the pixels that count', () => {
  const { labels } = leafOf(fixture);
  const counted = labels.filter((label) => label !== ignoreIndex);
  const present = [...new Set(counted)];
  const pixelsOf = (c: number) => counted.filter((label) => label === c).length;
  const dice = present.map((c) => {
    const [probability, truth, overlap] = whole.totals.slice(3 * c, 3 * c + 3) as [number, number, number];
    expect(truth).toBe(pixelsOf(c));
    return (2 * overlap + 1e-5) / (probability + truth + 1e-5);
  });
  const mean = dice.reduce((sum, value) => sum + value, 0) / present.length;
  expect(whole.loss).toBeCloseTo(1 - mean, 12);
  expect(rule.lossOf(whole.totals).weightSum).toBe(counted.length);
  // Every pixel that counts has probability 1 in all.
  const probabilities = whole.totals.filter((_, i) => i % 3 === 0);
  expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(counted.length, 3);
});

test('a class that the batch does not have takes no part, and a batch of which nothing counts has no gradient', () => {
  const [absent] = fixture.labels;
  const without = () => {
    const batch = leafOf(fixture);
    return { ...batch, labels: batch.labels.map((label) => (label === absent ? ignoreIndex : label)) };
  };
  const { totals, loss } = stepOver([without]);
  const others = Array.from({ length: numClasses }, (_, c) => c).filter((c) => totals[3 * c + 1]! > 0);
  expect(others).not.toContain(absent);
  expect(totals[3 * absent!]).toBeGreaterThan(0);
  const dice = others.map(
    (c) => (2 * totals[3 * c + 2]! + 1e-5) / (totals[3 * c]! + totals[3 * c + 1]! + 1e-5),
  );
  expect(loss).toBeCloseTo(1 - dice.reduce((sum, value) => sum + value, 0) / others.length, 12);

  const nothing = () => ({ ...leafOf(fixture), labels: leafOf(fixture).labels.fill(ignoreIndex) });
  const gradients = new Float32Array(description.numParameters);
  const zeros = new Array(rule.count(numClasses)).fill(0);
  const statistics = new Float32Array(description.numStatistics);
  expect(engine.trainLeaf(nothing(), gradients, statistics, undefined, zeros)).toEqual({
    lossSum: 0,
    weightSum: 0,
  });
  expect(gradients.every((value) => value === 0)).toBe(true);
});

test('its first pass leaves no tensor behind, and none comes without it', () => {
  const binding = loadBinding({ intraOpThreads: 1, device: 'cpu' });
  engine.addendsOfLeaf(leafOf(fixture));
  const numTensors = binding.getNumOfTensors();
  expect(engine.addendsOfLeaf(leafOf(fixture))).toEqual(whole.totals);
  expect(binding.getNumOfTensors()).toBe(numTensors);
  const vectors = [
    new Float32Array(description.numParameters),
    new Float32Array(description.numStatistics),
  ] as const;
  expect(() => engine.trainLeaf(leafOf(fixture), ...vectors)).toThrow('the sums over the batch come first');
});

test('a validation has the addends of the leaf in place of its loss, and cross-entropy has no first pass', () => {
  const confusion = new Float64Array(numClasses ** 2);
  const { lossSum, weightSum, addends } = engine.evaluateLeaf(leafOf(fixture), confusion);
  expect({ lossSum, weightSum }).toEqual({ lossSum: 0, weightSum: 0 });
  expect(rule.lossOf(addends!).weightSum).toBe(confusion.reduce((sum, value) => sum + value, 0));
  const other = createEngine({ ...options, loss: 'cross-entropy' });
  expect(() => other.addendsOfLeaf(leafOf(fixture))).toThrow('the loss has no first pass');
});
