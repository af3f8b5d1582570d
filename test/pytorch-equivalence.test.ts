/**
 * Twenty steps of the classic recipe on fixed data, engine and optimizer together, against PyTorch's losses
 * (scripts/fixtures/make_model_fixtures.py): RMSprop, weight decay 1e-8, momentum 0.9, gradient values clipped at 0.1.
 */

import { describeModel } from '@unet-fleet/law';
import { createOptimizer, NumericMemory } from '@unet-fleet/numerics';
import { createEngine } from '@unet-fleet/worker';
import { expect, it } from 'vitest';
import { fixtureParameters, fixtureStatistics, leafOf, readSteps } from './fixtures/model/read.ts';

const recipe = {
  optimizer: 'rmsprop',
  weightDecay: 1e-8,
  momentum: 0.9,
  alpha: 0.99,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  clip: 'value',
  clipLimit: 0.1,
} as const;

function lossesOfOurs(fixture: ReturnType<typeof readSteps>): number[] {
  const { model, seed, batchSize } = fixture;
  const description = describeModel(model);
  const engine = createEngine({
    model,
    device: 'cpu',
    intraOpThreads: 1,
    precision: 'float32',
    ignoreIndex: -1,
    classWeights: null,
    loss: 'cross-entropy',
  });
  const memory = new NumericMemory();
  const optimizer = createOptimizer(recipe);
  const vectors = {
    parameters: memory.from(fixtureParameters(description, seed, 'plain')),
    gradients: memory.allocate(description.numParameters),
    slots: optimizer.slots.map(() => memory.allocate(description.numParameters)),
  };
  const running = fixtureStatistics(description);
  return fixture.losses.map((_, step) => {
    const batch = leafOf(fixture, (step * batchSize) % fixture.numImages, batchSize);
    engine.setWeights(vectors.parameters.view, running);
    const { lossSum, weightSum } = engine.trainLeaf(batch, vectors.gradients.view, running.slice());
    optimizer.apply(vectors, {
      scale: 1 / weightSum,
      normCoefficient: 1,
      learningRate: 1e-3,
      updateIndex: step + 1,
    });
    return lossSum / weightSum;
  });
}

it('trains as PyTorch does: the first five losses within 1e-4, all twenty as far as rounding lets two trainings agree', () => {
  const fixture = readSteps();
  const losses = lossesOfOurs(fixture);
  const differences = losses.map((loss, step) => Math.abs(loss / fixture.losses[step]! - 1));
  expect(differences).toHaveLength(20);
  expect(Math.max(...differences.slice(0, 5))).toBeLessThan(1e-4);
  expect(Math.max(...differences)).toBeLessThan(2e-2);
  expect(losses.at(-1)!).toBeLessThan(losses[0]! / 2);
});
