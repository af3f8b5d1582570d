/** A loss that is no mean over pixels, computed in leaves: its gradient is that of the whole batch at once. */
import { describeModel, type ModelConfig } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import { fixtureParameters, leafOf, readLeaf } from '../../../../../test/fixtures/model/read.ts';
import { loadBinding } from '../binding.ts';
import { createEngine } from '../tensorflow-engine.ts';
import type { Batch, LeafLoss } from '../types.ts';
import { batchDice } from './batch-dice.test-helper.ts';
import { crossEntropy } from './cross-entropy.ts';
import { losses } from './index.ts';

const fixture = readLeaf('gradients-ignored');
// Norms over single images: with batch norms the leaves' activations would differ from those of the whole batch. Few levels,
// as norms over one pixel magnify rounding.
const model: ModelConfig = {
  ...fixture.model,
  architecture: 'residual-encoder',
  norm: 'instance',
  depth: 2,
};
const description = describeModel(model);
const { ignoreIndex } = fixture;
const engine = createEngine(
  { model, device: 'cpu', intraOpThreads: 1, loss: 'cross-entropy', ignoreIndex, classWeights: null },
  batchDice,
);
engine.setWeights(
  fixtureParameters(description, fixture.seed, 'varied'),
  new Float32Array(description.numStatistics),
);

/** Two passes over these leaves, as a step makes them: sums, then gradients that are added and divided once. */
function stepOver(leaves: (() => Batch)[]): { gradient: Float64Array; loss: number; sums: Float64Array[] } {
  const sums = leaves.map((leaf) => engine.sumsOfLeaf(leaf()));
  const totals = sums.reduce((total, ofLeaf) => total.map((value, i) => value + ofLeaf[i]!));
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
    sums,
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
  const size = 1e-3 / Math.sqrt(squares);
  const lossAt = (factor: number): number => {
    const moved = parameters.map((value, i) => value - factor * size * whole.gradient[i]!);
    engine.setWeights(moved, new Float32Array(description.numStatistics));
    return stepOver([() => leafOf(fixture)]).loss;
  };
  const fall = (lossAt(-1) - lossAt(1)) / 2;
  engine.setWeights(parameters, new Float32Array(description.numStatistics));
  expect(fall / (size * squares)).toBeCloseTo(1, 1);
});

test('its first pass leaves no tensor behind, and none comes without it', () => {
  const binding = loadBinding({ intraOpThreads: 1, device: 'cpu' });
  engine.sumsOfLeaf(leafOf(fixture));
  const numTensors = binding.getNumOfTensors();
  expect([...engine.sumsOfLeaf(leafOf(fixture))]).toEqual([...whole.sums[0]!]);
  expect(binding.getNumOfTensors()).toBe(numTensors);
  const vectors = [
    new Float32Array(description.numParameters),
    new Float32Array(description.numStatistics),
  ] as const;
  expect(() => engine.trainLeaf(leafOf(fixture), ...vectors)).toThrow('the sums over the batch come first');
});

test('cross-entropy needs no first pass', () => {
  expect(losses['cross-entropy']).toBe(crossEntropy);
  expect(crossEntropy.passes).toBe(1);
});
