/** The engine against PyTorch's numbers in float64, value by value: test/fixtures/model. */
import { describeModel, toTorchLayout, UserError } from '@unet-fleet/law';
import { NumericMemory } from '@unet-fleet/numerics';
import { describe, expect, it } from 'vitest';
import {
  fixtureParameters,
  fixtureStatistics,
  leafOf,
  readLeaf,
} from '../../../../test/fixtures/model/read.ts';
import { loadBinding } from './binding.ts';
import { createEngine } from './tensorflow-engine.ts';

/** Largest difference of two tensors, relative to the largest value of the expected one. */
function differenceOf(actual: Float32Array, expected: Float32Array): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Number.isNaN(actual[i])) return Number.NaN;
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference / largest;
}

const fixtures = [
  'gradients-transposed',
  'gradients-bilinear',
  'gradients-odd',
  'gradients-odd-bilinear',
  'gradients-ignored',
  'gradients-weighted',
];

describe.each(fixtures)('%s', (name) => {
  const fixture = readLeaf(name);
  const { model, ignoreIndex, classWeights } = fixture;
  const description = describeModel(model);
  const engine = createEngine({
    model,
    device: 'cpu',
    intraOpThreads: 1,
    precision: 'float32',
    ignoreIndex,
    classWeights,
    loss: 'cross-entropy',
  });
  engine.setWeights(fixtureParameters(description, fixture.seed, 'varied'), fixtureStatistics(description));
  const train = (onTensor?: (index: number) => void) => {
    const gradients = new Float32Array(description.numParameters).fill(Number.NaN);
    const statistics = new Float32Array(description.numStatistics).fill(Number.NaN);
    return {
      loss: engine.trainLeaf(leafOf(fixture), gradients, statistics, onTensor),
      gradients,
      statistics,
    };
  };

  it("has PyTorch's loss", () => {
    const { loss } = train();
    expect(Math.abs(loss.lossSum / fixture.lossSum - 1)).toBeLessThan(1e-6);
    expect(loss.weightSum).toBe(fixture.weightSum);
  });

  it("has PyTorch's gradient of every parameter", () => {
    const { gradients } = train();
    for (const spec of description.parameters) {
      const values = toTorchLayout(spec, gradients.slice(spec.offset, spec.offset + spec.size));
      expect(differenceOf(values, fixture.gradient(spec)), spec.name).toBeLessThan(2e-4);
    }
  });

  it("has PyTorch's batch means and unbiased variances", () => {
    const { statistics } = train();
    for (const spec of description.statistics) {
      const values = statistics.slice(spec.offset, spec.offset + spec.size);
      expect(differenceOf(values, fixture.statistic(spec)), spec.name).toBeLessThan(5e-5);
    }
  });

  it('reports every parameter once, in backward order, when its gradient is there', () => {
    const indices: number[] = [];
    const gradients = new Float32Array(description.numParameters).fill(Number.NaN);
    engine.trainLeaf(leafOf(fixture), gradients, new Float32Array(description.numStatistics), (index) => {
      const { offset, size } = description.parameters[index]!;
      expect(gradients.subarray(offset, offset + size).some(Number.isNaN)).toBe(false);
      indices.push(index);
    });
    expect([...indices].sort((a, b) => a - b)).toEqual(description.parameters.map((_, index) => index));
    const parts = indices.map((index) => description.parameters[index]!.name.split('.')[0]);
    const order = ['outc', 'up4', 'up3', 'up2', 'up1', 'down4', 'down3', 'down2', 'down1', 'inc'];
    expect(parts.filter((part, i) => part !== parts[i - 1])).toEqual(order);
  });

  it("has PyTorch's loss and predictions with running statistics, and adds to the confusion", () => {
    const numBefore = 3;
    const confusion = new Float64Array(model.numClasses ** 2).fill(numBefore);
    const loss = engine.evaluateLeaf(leafOf(fixture), confusion);
    expect(Math.abs(loss.lossSum / fixture.evaluationLossSum - 1)).toBeLessThan(1e-6);
    const expected = new Float64Array(model.numClasses ** 2).fill(numBefore);
    for (const [i, truth] of fixture.labels.entries()) {
      if (truth !== ignoreIndex) expected[truth * model.numClasses + fixture.predicted[i]!]! += 1;
    }
    expect(confusion).toEqual(expected);
    expect(engine.predict(leafOf(fixture))).toEqual(Uint16Array.from(fixture.predicted));
  });

  it('has the same bits when the same leaf is computed again', () => {
    expect(train()).toEqual(train());
  });
});

describe('engine', () => {
  const fixture = readLeaf('gradients-transposed');
  const { model } = fixture;
  const description = describeModel(model);
  const start = () => {
    const engine = createEngine({
      model,
      device: 'cpu',
      intraOpThreads: 1,
      precision: 'float32',
      ignoreIndex: 255,
      classWeights: null,
      loss: 'cross-entropy',
    });
    engine.setWeights(fixtureParameters(description, fixture.seed, 'varied'), fixtureStatistics(description));
    return engine;
  };
  const vectors = () =>
    [new Float32Array(description.numParameters), new Float32Array(description.numStatistics)] as const;

  it('gives zero gradients and sums for a leaf without a valid pixel', () => {
    const leaf = leafOf(fixture);
    leaf.labels.fill(255);
    const [gradients, statistics] = vectors();
    expect(start().trainLeaf(leaf, gradients, statistics)).toEqual({ lossSum: 0, weightSum: 0 });
    expect(gradients.every((value) => value === 0)).toBe(true);
  });

  it('refuses a label that is no class', () => {
    const leaf = leafOf(fixture);
    leaf.labels[7] = model.numClasses;
    const [gradients, statistics] = vectors();
    expect(() => start().trainLeaf(leaf, gradients, statistics)).toThrow('label 5 of 5 classes');
  });

  it('leaves no tensor behind, not even when a leaf fails on its way back', () => {
    const engine = start();
    const [gradients, statistics] = vectors();
    const binding = loadBinding({ intraOpThreads: 1, device: 'cpu' });
    const expected = engine.trainLeaf(leafOf(fixture), gradients, statistics);
    const numTensors = binding.getNumOfTensors();
    expect(engine.trainLeaf(leafOf(fixture), gradients, statistics)).toEqual(expected);
    expect(binding.getNumOfTensors()).toBe(numTensors);
    const fails = () => {
      throw new Error('on its way');
    };
    expect(() => engine.trainLeaf(leafOf(fixture), gradients, statistics, fails)).toThrow('on its way');
    expect(binding.getNumOfTensors()).toBe(numTensors);
    expect(engine.trainLeaf(leafOf(fixture), gradients, statistics)).toEqual(expected);
  });

  it('names the leaf size to try when memory runs out', () => {
    const engine = start();
    const [gradients, statistics] = vectors();
    const leaf = leafOf(fixture);
    const { numImages, height, width } = leaf;
    const photos = `${numImages} photos of ${width}x${height}`;
    const outOfMemory = () => {
      throw new Error('OOM when allocating tensor with shape[4,64,258,258] and type float by allocator cpu');
    };
    expect(numImages).toBeGreaterThan(1);
    expect(() => engine.trainLeaf(leaf, gradients, statistics, outOfMemory)).toThrow(
      new UserError(
        `the engine's memory does not suffice for a leaf of ${photos}: try --leaf-size ${Math.floor(numImages / 2)}`,
      ),
    );
    const one = { ...leaf, numImages: 1, images: leaf.images.slice(0, height * width * 3) };
    const oneLeaf = { ...one, labels: leaf.labels.slice(0, height * width) };
    expect(() => engine.trainLeaf(oneLeaf, gradients, statistics, outOfMemory)).toThrow(
      'try a smaller --size or a smaller --base-width',
    );
  });

  it('refuses photos that cannot be halved four times', () => {
    const images = new Float32Array(15 * 40 * 3);
    expect(() => start().predict({ numImages: 1, height: 15, width: 40, images })).toThrow(
      'photos of 40x15 are too small',
    );
  });

  it('computes the same where the weights lie, aligned or not, and with others once they are set', () => {
    const engine = start();
    const [gradients, statistics] = vectors();
    const lossWith = (parameters: Float32Array, running: Float32Array) => {
      engine.setWeights(parameters, running);
      return engine.trainLeaf(leafOf(fixture), gradients, statistics);
    };
    const memory = new NumericMemory({ shared: true });
    const values = fixtureParameters(description, fixture.seed, 'varied');
    const parameters = memory.from(values);
    const running = memory.from(fixtureStatistics(description));
    const odd = memory.allocate(values.length + 1).part(1, values.length);
    odd.view.set(values);
    const loss = lossWith(parameters.view, running.view);
    expect(lossWith(odd.view, running.view)).toEqual(loss);
    // As a fetch of the next version does, while nobody computes.
    parameters.view.fill(0);
    expect(lossWith(parameters.view, running.view)).not.toEqual(loss);
    expect(lossWith(odd.view, running.view)).toEqual(loss);
  });
});
