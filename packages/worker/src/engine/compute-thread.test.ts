/** The built package, as the thread's file is only there. */
import { decoderName } from '@unet-fleet/dataset/decoder';
import { describeModel, type ModelConfig } from '@unet-fleet/law';
import { ComputeThread } from '@unet-fleet/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  fixtureParameters,
  fixtureStatistics,
  leafOf,
  readLeaf,
} from '../../../../test/fixtures/model/read.ts';
import { createEngine } from './tensorflow-engine.ts';
import type { EngineOptions } from './types.ts';

const fixture = readLeaf('gradients-odd');
const model: ModelConfig = fixture.model;
const description = describeModel(model);
const options: EngineOptions = {
  model,
  device: 'cpu',
  intraOpThreads: 1,
  precision: 'float32',
  ignoreIndex: fixture.ignoreIndex,
  classWeights: null,
  loss: 'cross-entropy',
};
const parameters = shared(fixtureParameters(description, fixture.seed, 'varied'));
const statistics = shared(fixtureStatistics(description));
const threads: ComputeThread[] = [];

function shared(values: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}

async function startWithWeights(): Promise<ComputeThread> {
  const thread = await ComputeThread.start(options);
  threads.push(thread);
  await thread.setWeights(parameters, statistics);
  return thread;
}

async function trained(thread: ComputeThread, onTensor?: (index: number) => void) {
  const gradients = shared(new Float32Array(description.numParameters));
  const batchStatistics = shared(new Float32Array(description.numStatistics));
  const loss = await thread.trainLeaf(leafOf(fixture), gradients, batchStatistics, onTensor);
  return { loss, gradients: Float32Array.from(gradients), statistics: Float32Array.from(batchStatistics) };
}

let first: ComputeThread;
let second: ComputeThread;

beforeAll(async () => {
  first = await startWithWeights();
  second = await startWithWeights();
});

afterAll(() => Promise.all(threads.map((thread) => thread.close())));

it('computes a leaf with the same bits in two threads at once and in the engine itself', async () => {
  const answers = await Promise.all([trained(first), trained(second)]);
  const engine = createEngine(options);
  engine.setWeights(parameters, statistics);
  const gradients = new Float32Array(description.numParameters);
  const batchStatistics = new Float32Array(description.numStatistics);
  const loss = engine.trainLeaf(leafOf(fixture), gradients, batchStatistics);
  const expected = { loss, gradients, statistics: batchStatistics };
  expect(answers).toEqual([expected, expected]);
  expect(first.fingerprint).toEqual({ ...engine.fingerprint, decoder: decoderName() });
});

it('tells of every parameter before the leaf is done', async () => {
  const indices: number[] = [];
  await trained(first, (index) => indices.push(index));
  expect(indices.sort((a, b) => a - b)).toEqual(description.parameters.map((_, index) => index));
});

it('adds to the confusion and predicts', async () => {
  const confusion = new Float64Array(model.numClasses ** 2).fill(2);
  const { weightSum } = await first.evaluateLeaf(leafOf(fixture), confusion);
  expect(confusion.reduce((sum, count) => sum + count, 0)).toBe(weightSum + 2 * confusion.length);
  expect(await first.predict(leafOf(fixture))).toHaveLength(fixture.predicted.length);
});

it('gives the settings that TensorFlow reads to the whole process, and refuses other ones afterwards', async () => {
  await trained(first);
  expect(process.env.TF_NUM_INTRAOP_THREADS).toBe('1');
  await expect(ComputeThread.start({ ...options, intraOpThreads: 2 })).rejects.toThrow('is loaded with');
});

it('fails a call by its own error and goes on', async () => {
  const leaf = leafOf(fixture);
  leaf.labels[3] = model.numClasses;
  const vectors = [shared(parameters), shared(statistics)] as const;
  await expect(first.trainLeaf(leaf, ...vectors)).rejects.toThrow(`label ${model.numClasses}`);
  expect((await trained(first)).loss.weightSum).toBe(fixture.weightSum);
});

it('rejects what is under way and what comes later when it is closed', async () => {
  const thread = await startWithWeights();
  const underWay = trained(thread);
  const settled = expect(underWay).rejects.toThrow('was closed');
  await thread.close();
  await settled;
  await expect(trained(thread)).rejects.toThrow('was closed');
});
