/** An engine in bf16 beside one in float32, and both beside PyTorch's numbers: what is rounded, and what is not. */
import { describeModel, type ModelConfig, type Precision } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import {
  fixtureParameters,
  fixtureStatistics,
  leafOf,
  readLeaf,
} from '../../../../test/fixtures/model/read.ts';
import { loadBinding } from './binding.ts';
import { type Tensor, TensorFlow } from './tensorflow.ts';
import { createEngine } from './tensorflow-engine.ts';

const fixture = readLeaf('gradients-transposed');
const { ignoreIndex, classWeights, seed } = fixture;

function engineOf(precision: Precision, change: Partial<ModelConfig> = {}) {
  const model = { ...fixture.model, ...change } as ModelConfig;
  const description = describeModel(model);
  const options = { device: 'cpu', intraOpThreads: 1, loss: 'cross-entropy' } as const;
  const engine = createEngine({ ...options, model, precision, ignoreIndex, classWeights });
  engine.setWeights(fixtureParameters(description, seed, 'varied'), fixtureStatistics(description));
  const train = (other?: Precision) => {
    const gradients = new Float32Array(description.numParameters).fill(Number.NaN);
    const statistics = new Float32Array(description.numStatistics).fill(Number.NaN);
    const loss = engine.trainLeaf(leafOf(fixture), gradients, statistics, undefined, undefined, other);
    return { loss, gradients, statistics };
  };
  return { engine, train };
}

const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
const distance = (a: Float32Array, b: Float32Array) => norm(a.map((value, i) => value - b[i]!)) / norm(b);

const variants: [string, Partial<ModelConfig>][] = [
  ['the U-Net', {}],
  ['bilinear', { upsampling: 'bilinear' }],
  ['group norms, dropout', { norm: 'group', dropout: 0.3, baseWidth: 8, depth: 2 }],
  ['residual encoder', { architecture: 'residual-encoder', norm: 'instance', depth: 2 }],
  ['residual encoder, batch norm', { architecture: 'residual-encoder', norm: 'batch', depth: 2 }],
];

test.each(variants)(
  '%s: loss, gradient and statistics are those of float32 but for rounding',
  (_, change) => {
    const [wide, narrow] = [engineOf('float32', change).train(), engineOf('bf16', change).train()];
    expect(Math.abs(narrow.loss.lossSum / wide.loss.lossSum - 1)).toBeLessThan(0.02);
    expect(narrow.loss.weightSum).toBe(wide.loss.weightSum);
    // Rounding to 8 bits at each layer; PyTorch's autocast is as far from its float32.
    expect(distance(narrow.gradients, wide.gradients)).toBeLessThan(0.7);
    expect(distance(narrow.gradients, wide.gradients)).toBeGreaterThan(1e-3);
    if (wide.statistics.length > 0) expect(distance(narrow.statistics, wide.statistics)).toBeLessThan(0.05);
  },
);

test.each(variants)('%s: the same leaf has the same bits, and leaves no tensor behind', (_, change) => {
  const { train, engine } = engineOf('bf16', change);
  const binding = loadBinding({ device: 'cpu', intraOpThreads: 1 });
  const first = train();
  const classes = engine.predict(leafOf(fixture));
  const numTensors = binding.getNumOfTensors();
  expect(train()).toEqual(first);
  expect(engine.predict(leafOf(fixture))).toEqual(classes);
  expect(binding.getNumOfTensors()).toBe(numTensors);
});

test('a leaf that is computed again in float32 has the bits of an engine of float32', () => {
  const { engine, train } = engineOf('bf16');
  const wide = engineOf('float32');
  expect(train('float32')).toEqual(wide.train());
  const scores = ({ engine: { evaluateLeaf } }: { engine: typeof engine }, precision?: Precision) => {
    const confusion = new Float64Array(fixture.model.numClasses ** 2);
    return { ...evaluateLeaf.call(engine, leafOf(fixture), confusion, undefined, precision), confusion };
  };
  expect(scores({ engine }, 'float32').lossSum).not.toBe(scores({ engine }).lossSum);
});

test('a validation in bf16 is near that of PyTorch in float64', () => {
  const confusion = new Float64Array(fixture.model.numClasses ** 2);
  const { lossSum } = engineOf('bf16').engine.evaluateLeaf(leafOf(fixture), confusion);
  expect(Math.abs(lossSum / fixture.evaluationLossSum - 1)).toBeLessThan(0.02);
});

/** Powers of two, which bf16 can hold: sums of so many ones that partial sums in bf16 would stop growing. */
const side = 128;
const [numPixels, numChannels] = [side ** 2, 2048];
const sumsOfOnes: [string, number, (tf: TensorFlow, ones: (...shape: number[]) => Tensor) => Tensor][] = [
  [
    'a convolution',
    numChannels,
    (tf, ones) => tf.conv(ones(1, 4, 4, numChannels), ones(1, 1, numChannels, 8)),
  ],
  [
    'its gradient by the input',
    numChannels,
    (tf, ones) => tf.convInputGradient([1, 4, 4, 8], ones(1, 1, 8, numChannels), ones(1, 4, 4, numChannels)),
  ],
  [
    'its gradient by the filter',
    numPixels,
    (tf, ones) => tf.convFilterGradient(ones(1, side, side, 16), [1, 1, 16, 8], ones(1, side, side, 8)),
  ],
  [
    'the same with a stride',
    numPixels,
    (tf, ones) => {
      const [x, gradient] = [ones(1, 2 * side, 2 * side, 16), ones(1, side, side, 8)];
      return tf.convFilterGradient(x, [1, 1, 16, 8], gradient, { stride: 2, dilation: 1 });
    },
  ],
  [
    'a product of matrices',
    numPixels,
    (tf, ones) => tf.matMul(ones(numPixels, 16), ones(numPixels, 8), { a: true }),
  ],
  ['the gradient of a bias', numPixels, (tf, ones) => tf.biasGradient(ones(1, side, side, 8))],
  [
    'the gradient of the shift of a batch norm',
    numPixels,
    (tf, ones) => {
      const [x, scale] = [ones(1, side, side, 8), tf.as('float32', ones(8))];
      const { reserved } = tf.batchNormTraining(x, scale, scale);
      return tf.batchNormGradient(ones(1, side, side, 8), x, scale, reserved).shift;
    },
  ],
  [
    'the mean of a batch norm',
    1,
    (tf, ones) => {
      const scale = tf.as('float32', ones(8));
      return tf.batchNormTraining(ones(1, side, side, 8), scale, scale).mean;
    },
  ],
];

test.each(sumsOfOnes)('%s in bf16 is rounded once, when all is added', (_, numTerms, compute) => {
  const tf = new TensorFlow(loadBinding({ device: 'cpu', intraOpThreads: 1 }));
  tf.freeingAll(() => {
    const ones = (...shape: number[]) =>
      tf.into('bf16', tf.tensor(shape, new Float32Array(shape.reduce((a, b) => a * b)).fill(1)));
    const sums = compute(tf, ones);
    expect(new Set(tf.read(sums))).toEqual(new Set([numTerms]));
  });
});
