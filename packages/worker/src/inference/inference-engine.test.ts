/**
 * Inference on TensorFlow, in its thread: the built package, as the thread's file is only there. The model's weights
 * are all 0 but the biases of its last layer, so that its answer to any picture can be worked out by hand.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scanDataset } from '@unet-fleet/dataset';
import { type DataConfig, describeModel, initialParameters, initialStatistics } from '@unet-fleet/law';
import {
  evaluateModel,
  type InferenceEngine,
  openInferenceEngine,
  predictPhotos,
  type TrainedModel,
} from '@unet-fleet/worker';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainlyRounded } from '../../../../test/helpers/plain-formats.ts';
import { smallModel } from '../../../../test/helpers/small-model.ts';
import { dataOf } from './doubles.test-helper.ts';
import { indexMask } from './prediction-files.ts';

const [width, height] = [36, 20];
const biases = [0.5, -1, 2];
let root: string;
let data: DataConfig;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'inference-'));
  data = dataOf({
    images: join(root, 'photos'),
    masks: join(root, 'masks'),
    size: `${width}x${height}`,
    numClasses: 3,
  });
  mkdirSync(data.images);
  mkdirSync(data.masks);
  for (const [id, value] of [
    ['a', 0],
    ['b', 2],
    ['c', 255],
    ['d', 1],
  ] as const) {
    const noise = Uint8Array.from(
      { length: width * height * 3 },
      (_, at) => (at * at * 31 + value * at) % 256,
    );
    await sharp(noise, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(join(data.images, `${id}.png`));
    const labels = new Uint8Array(width * height).fill(value, width * 4).fill(0, 0, width * 4);
    writeFileSync(join(data.masks, `${id}.png`), await indexMask({ width, height, labels }, 256));
  }
});
afterAll(() => rmSync(root, { recursive: true }));

function modelWith(fill: (model: TrainedModel) => void, classWeights: number[] | null = null): TrainedModel {
  const config = smallModel({ numClasses: 3, baseWidth: 2, upsampling: 'bilinear' });
  const { numParameters, numStatistics } = describeModel(config);
  const model: TrainedModel = {
    name: 'test',
    model: config,
    parameters: new Float32Array(numParameters),
    statistics: new Float32Array(numStatistics).fill(1),
    classNames: ['null', 'hair', 'skin'],
    data,
    classWeights,
    loss: 'cross-entropy',
    wire: 'float32',
  };
  fill(model);
  return model;
}

const constantModel = (classWeights: number[] | null = null) =>
  modelWith(({ model, parameters }) => {
    const bias = describeModel(model).parameters.find(({ name }) => name === 'outc.conv.bias')!;
    parameters.set(biases, bias.offset);
  }, classWeights);

/** Weights as at the start of a training, without the last biases: the answers depend on the picture. */
const freshModel = () =>
  modelWith(({ model, parameters, statistics }) => {
    const description = describeModel(model);
    parameters.set(initialParameters(description, 1));
    const { offset, size } = description.parameters.find(({ name }) => name === 'outc.conv.bias')!;
    parameters.fill(0, offset, offset + size);
    statistics.set(initialStatistics(description));
  });

async function withEngine<T>(model: TrainedModel, use: (engine: InferenceEngine) => Promise<T>): Promise<T> {
  const engine = await openInferenceEngine(model, { device: 'cpu', intraOpThreads: 1, precision: 'float32' });
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

async function evaluate(model: TrainedModel, leafSize: number) {
  const { samples } = await scanDataset(data, { cacheDir: join(root, 'cache') });
  return withEngine(model, (engine) => evaluateModel(model, engine, samples, { data, leafSize }));
}

it('weights that travelled in bfloat16 are used as they came', async () => {
  const exact = freshModel();
  const rounded = { ...exact, parameters: Float32Array.from(plainlyRounded(exact.parameters, 'bf16')) };
  const [ofExact, ofRounded, ofTravelled] = [
    await evaluate(exact, 2),
    await evaluate(rounded, 2),
    await evaluate({ ...exact, wire: 'int8' }, 2),
  ];
  expect(ofTravelled!.loss).toBe(ofRounded!.loss);
  expect(ofTravelled!.loss).not.toBe(ofExact!.loss);
});

describe('inference on TensorFlow', () => {
  const perPhoto = width * (height - 4);
  const truth = [4 * 4 * width + perPhoto, perPhoto, perPhoto];
  const numPixels = truth.reduce((sum, count) => sum + count, 0);
  const logSum = Math.log(biases.reduce((sum, bias) => sum + Math.exp(bias), 0));

  it('scores what was worked out by hand', async () => {
    const report = await evaluate(constantModel(), 3);
    expect(Array.from(report.confusion)).toEqual([0, 0, truth[0], 0, 0, truth[1], 0, 0, truth[2]]);
    const loss = truth.reduce((sum, count, label) => sum + count * (logSum - biases[label]!), 0) / numPixels;
    expect(report.loss).toBeCloseTo(loss, 5);
    expect(report.metrics.pixelAccuracy).toBe(truth[2]! / numPixels);
  });

  it('weighs classes in the loss as in training', async () => {
    const weights = [1, 4, 0.5];
    const report = await evaluate(constantModel(weights), 2);
    const weighted = truth.map((count, label) => count * weights[label]!);
    const loss = weighted.reduce((sum, weight, label) => sum + weight * (logSum - biases[label]!), 0);
    expect(report.loss).toBeCloseTo(loss / weighted.reduce((sum, weight) => sum + weight, 0), 5);
    expect(report.hasClassWeights).toBe(true);
  });

  it('predicts a photo as it evaluates it, whatever is computed beside it', async () => {
    const model = freshModel();
    const [alone, together] = [await evaluate(model, 1), await evaluate(model, 4)];
    // Kernels may add in another order for another batch: a pixel on the very edge between two classes may flip.
    const numMoved = alone.confusion.reduce(
      (sum, count, cell) => sum + Math.abs(count - together.confusion[cell]!),
      0,
    );
    expect(numMoved).toBeLessThanOrEqual(4);
    const numPredicted = alone.metrics.classes.map(({ numPredictedPixels }) => numPredictedPixels);
    expect(Math.max(...numPredicted)).toBeLessThan(numPixels);

    const out = join(root, 'out');
    const options = { masks: data.masks, imageSuffix: '', maskSuffix: '', maxPixels: 2 ** 27 };
    const report = await withEngine(model, (engine) =>
      predictPhotos(model, engine, [data.images], out, options),
    );
    expect(report.failures).toEqual([]);
    const counts = [0, 0, 0];
    for (const { id, mask } of report.outputs) {
      const { data: labels, info } = await sharp(mask)
        .toColourspace('b-w')
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect([info.width, info.height]).toEqual([width, height]);
      // The ignored part of c counts nowhere in the evaluation.
      for (const label of id === 'c' ? labels.subarray(0, 4 * width) : labels) counts[label]!++;
    }
    expect(counts).toEqual(numPredicted);
  });

  it('refuses weights that have diverged, before any photo and in a run that goes on', async () => {
    const diverged = (value: number) =>
      modelWith(({ model, parameters }) => {
        const { offset } = describeModel(model).parameters.find(({ name }) => name === 'outc.conv.bias')!;
        parameters[offset + 1] = value;
      });
    for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
      await expect(withEngine(diverged(value), async () => {})).rejects.toThrow(
        `The weights of test have diverged: in outc.conv.bias they are no finite numbers (${value})`,
      );
    }
    const statistics = modelWith((model) => model.statistics.fill(Number.NaN));
    await expect(withEngine(statistics, async () => {})).rejects.toThrow('inc.double_conv.1.running_mean');
    // As a live page asks of a worker, whose weights change while it is there.
    const good = constantModel();
    await withEngine(good, async (engine) => {
      await engine.setWeights(diverged(Number.NaN).parameters, good.statistics);
      const images = new Float32Array(width * height * 3);
      await expect(engine.predict({ numImages: 1, width, height, images })).rejects.toThrow(
        /numbers that are not finite, so its weights have most likely diverged/,
      );
    });
  });
});
