/** Looking at gradients: what is told is the root's, and no weight knows of it. */

import { type Bucket, configOptions, type TrainConfig } from '@unet-fleet/law';
import { NumericMemory } from '@unet-fleet/numerics';
import type { BulkInbox } from '@unet-fleet/wire';
import { expect, test } from 'vitest';
import type { ModelState } from './bucket-owner.ts';
import type { TensorPart } from './kept-gradient.ts';
import { combineHistograms } from './pool.ts';
import { Reducer } from './reducer.ts';
import { histogramOf } from './value-histogram.ts';

const train = {
  ...(Object.fromEntries(
    configOptions.filter(({ group }) => group === 'train').map(({ key, default: value }) => [key, value]),
  ) as unknown as TrainConfig),
};
const buckets: Bucket[] = [
  { id: 0, offset: 0, length: 5 },
  { id: 1, offset: 5, length: 3 },
];
const tensors = [
  { name: 'first', offset: 0, size: 2 },
  { name: 'across', offset: 2, size: 5 },
  { name: 'last', offset: 7, size: 1 },
];
const gradientOf = (step: number) => Float32Array.from({ length: 8 }, (_, i) => Math.sin(i + 9 * step));

const inboxOf = (step: number): BulkInbox => ({
  async fetch(_peer, _key, bucket, into) {
    const { offset, length } = buckets[bucket]!;
    const part = gradientOf(step).slice(offset, offset + length);
    into.set(new Uint8Array(part.buffer));
  },
  async close() {},
});

const zeros = (): ModelState => ({
  parameters: new Float32Array(8),
  statistics: new Float32Array(0),
  slots: [new Float32Array(8), new Float32Array(8)],
});

const newReducer = (owned: Bucket[]): Reducer => {
  const options = { buckets: owned, train, term: 1, statistics: null, hashSecret: new Uint8Array(32) };
  const reducer = new Reducer(new NumericMemory(), options);
  reducer.load(0, zeros(), []);
  return reducer;
};

async function step(reducer: Reducer, index: number, isWatched: boolean): Promise<void> {
  await reducer.collect(inboxOf(index), 'w', index, { level: 0, index: 0 }, 1);
  const scalars = { scale: 0.5, normCoefficient: 1, learningRate: 0.1, updateIndex: index + 1 };
  reducer.apply({ numLeaves: 1, skippedLeaves: [], scalars }, [], isWatched);
}

function binned(reducer: Reducer, version: number): TensorPart[] {
  const parts: TensorPart[] = [];
  for (;;) {
    const ofBucket = reducer.binNext(version, tensors);
    if (typeof ofBucket === 'string') return parts;
    parts.push(...ofBucket);
  }
}

const weightsOf = (reducer: Reducer): Float32Array => {
  const state = zeros();
  reducer.save(state);
  return state.parameters;
};

test('one reducer and two tell the same of the root, by tensor, also across buckets', async () => {
  const one = newReducer(buckets);
  const two = buckets.map((bucket) => newReducer([bucket]));
  for (const reducer of [one, ...two]) await step(reducer, 0, true);
  const expected = tensors.map(({ name, offset, size }) => {
    const { bins, counts, min, max } = histogramOf(gradientOf(0).slice(offset, offset + size));
    return { name, histogram: { bins, counts, min, max } };
  });
  const [last, first] = [...two].reverse();
  const ofTwo = [...binned(last!, 1), ...binned(first!, 1)];
  const ofOne = combineHistograms(binned(one, 1), tensors);
  expect(ofOne).toMatchObject(expected);
  expect(combineHistograms(ofTwo, tensors)).toEqual(ofOne);
});

test('the weights are the same bits whether somebody looks, late, never, or while the next step is there', async () => {
  const plain = newReducer(buckets);
  const looked = newReducer(buckets);
  for (let index = 0; index < 6; index++) {
    await step(plain, index, false);
    await step(looked, index, index % 2 === 0);
    // Of step 2 nobody asks before it is replaced; of step 0 only a part is binned in time.
    if (index === 1) looked.binNext(1, tensors);
    if (index === 5) binned(looked, 5);
  }
  expect(new Uint32Array(weightsOf(looked).buffer)).toEqual(new Uint32Array(weightsOf(plain).buffer));
});

test('a gradient that is kept is not overwritten by the steps after it, and is given up for a later one', async () => {
  const reducer = newReducer(buckets);
  await step(reducer, 0, true);
  for (const index of [1, 2, 3]) {
    await step(reducer, index, false);
  }
  const [first] = combineHistograms(binned(reducer, 1), tensors);
  expect(first!.histogram).toEqual(histogramOf(gradientOf(0).slice(0, 2)));
  await step(reducer, 4, true);
  await step(reducer, 5, true);
  expect(reducer.binNext(5, tensors)).toBe('replaced');
  expect(binned(reducer, 6)).not.toEqual([]);
  expect(reducer.binNext(6, tensors)).toBe('done');
});
