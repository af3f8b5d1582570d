/** Dropout in the engine: one mask for both ways, the same in any leaf, and none outside training. */
import { describeModel } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import { fixtureParameters, leafOf, readLeaf } from '../../../../../test/fixtures/model/read.ts';
import { loadBinding } from '../binding.ts';
import { createEngine } from '../tensorflow-engine.ts';
import type { TrainBatch } from '../types.ts';

const fixture = readLeaf('gradients-ignored');
const { ignoreIndex } = fixture;

function engineOf(architecture: 'unet' | 'residual-encoder', dropout: number) {
  // Norms over single images: with batch norms a leaf's activations would depend on who else is in it.
  const model = { ...fixture.model, architecture, norm: 'instance', depth: 2, dropout } as const;
  const description = describeModel(model);
  const precision = 'float32';
  const options = { device: 'cpu', intraOpThreads: 1, loss: 'cross-entropy', classWeights: null } as const;
  const engine = createEngine({ ...options, precision, model, ignoreIndex });
  const parameters = fixtureParameters(description, fixture.seed, 'varied');
  const none = new Float32Array(0);
  const train = (leaf: TrainBatch, at = parameters) => {
    engine.setWeights(at, none);
    const gradient = new Float32Array(description.numParameters);
    const { lossSum, weightSum } = engine.trainLeaf(leaf, gradient, none);
    return { loss: lossSum / weightSum, gradient, weightSum };
  };
  return { engine, parameters, specs: description.parameters, train };
}

const distance = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(
    a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) /
      b.reduce((sum, value) => sum + value ** 2, 0),
  );

test.each(['unet', 'residual-encoder'] as const)('%s: its gradient is that of its loss', (architecture) => {
  const { train, parameters, specs } = engineOf(architecture, 0.4);
  const { loss, gradient, weightSum } = train(leafOf(fixture));
  // Of what lies before the dropout, which alone has its mask in the way back.
  for (const { name, offset, size } of specs) {
    if (!/^(inc|down|encoder)/.test(name)) gradient.fill(0, offset, offset + size);
  }
  expect(loss).not.toBeCloseTo(engineOf(architecture, 0).train(leafOf(fixture)).loss, 4);
  const squares = gradient.reduce((sum, value) => sum + (value / weightSum) ** 2, 0);
  const size = 2e-3 / Math.sqrt(squares);
  const lossAt = (factor: number) =>
    train(
      leafOf(fixture),
      parameters.map((value, i) => value - (factor * size * gradient[i]!) / weightSum),
    ).loss;
  const fall = (lossAt(-1) - lossAt(1)) / 2;
  expect(fall / (size * squares)).toBeCloseTo(1, 1);
});

test('leaves of one photo each come to the gradient of all at once', () => {
  const { train } = engineOf('residual-encoder', 0.4);
  const { numImages } = fixture;
  expect(numImages).toBeGreaterThan(1);
  const apart = Array.from(
    { length: numImages },
    (_, image) => train(leafOf(fixture, image, 1)).gradient,
  ).reduce((total, gradient) => total.map((value, i) => value + gradient[i]!));
  const { gradient } = train(leafOf(fixture));
  expect(distance(apart, gradient)).toBeLessThan(1e-4);
  // And not by chance: another place in the plan draws another mask.
  const leaf = leafOf(fixture);
  const elsewhere = train({ ...leaf, place: { ...leaf.place, firstImage: 5 } }).gradient;
  expect(distance(elsewhere, gradient)).toBeGreaterThan(1e-2);
});

test('it changes nothing but training, and leaves no tensor behind', () => {
  const [withIt, without] = [0.4, 0].map((rate) => engineOf('unet', rate));
  const answers = [withIt!, without!].map(({ engine, parameters }) => {
    engine.setWeights(parameters, new Float32Array(0));
    const confusion = new Float64Array(fixture.model.numClasses ** 2);
    const loss = engine.evaluateLeaf(leafOf(fixture), confusion);
    return { loss, confusion, classes: engine.predict(leafOf(fixture)) };
  });
  expect(answers[0]).toEqual(answers[1]);
  const binding = loadBinding({ device: 'cpu', intraOpThreads: 1 });
  const bits = withIt!.train(leafOf(fixture));
  const numTensors = binding.getNumOfTensors();
  expect(withIt!.train(leafOf(fixture))).toEqual(bits);
  expect(binding.getNumOfTensors()).toBe(numTensors);
});
