/** What is made ahead is what is asked for, is handed out once, and stays within its bound. */
import { type LoadedSample, type Sample, sampleCache, toBatch } from '@unet-fleet/dataset';
import { type PlanConfig, stepPlan } from '@unet-fleet/law';
import { expect, it, vi } from 'vitest';
import { Batches } from './batches.ts';

const plan: PlanConfig = {
  seed: 7,
  batchSize: 4,
  leafSize: 2,
  epochs: 2,
  numTrainSamples: 8,
  numValidationSamples: 6,
};
const sampleAt = (index: number) => ({ id: String(index) }) as Sample;
const root = [{ level: 1, index: 0 }];
const settled = () => new Promise((resolve) => setImmediate(resolve));

function batchesThat(change: { fails?: () => boolean; maxBytes?: number } = {}) {
  const load = vi.fn(async ({ id }: Sample): Promise<LoadedSample> => {
    if (change.fails?.()) throw new Error('not now');
    return { width: 1, height: 1, channels: 1, pixels: Uint8Array.of(0), labels: Uint8Array.of(Number(id)) };
  });
  const join = vi.fn(toBatch);
  const batches = new Batches({
    plan,
    train: Array.from({ length: 8 }, (_, i) => sampleAt(i)),
    validation: Array.from({ length: 6 }, (_, i) => sampleAt(i + 100)),
    cache: sampleCache(change.maxBytes ?? 1e6),
    load,
    join,
  });
  return { batches, load, join };
}

/** Labels of every leaf of the run, as a worker that is never interrupted asks for them. */
async function courseOf(batches: Batches, isAhead: boolean): Promise<number[][]> {
  const course: number[][] = [];
  for (let version = 0; version < 4; version++) {
    const step = stepPlan(plan, version);
    for (let leaf = 0; leaf < step.numLeaves; leaf++) {
      course.push([...(await batches.train(step, leaf)).labels]);
      if (isAhead) batches.expectTrain(version, root, leaf);
      await settled();
    }
  }
  return course;
}

it('gives the same leaves, made ahead or not', async () => {
  const plain = await courseOf(batchesThat().batches, false);
  expect(await courseOf(batchesThat().batches, true)).toEqual(plain);
  expect(plain.slice(0, 4).flat().sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

it('has the two leaves ready that come next, over the end of a step, and makes none of them twice', async () => {
  const { batches, load, join } = batchesThat();
  const step = stepPlan(plan, 0);
  await batches.train(step, 0);
  batches.expectTrain(0, root, 0);
  await settled();
  expect(join).toHaveBeenCalledTimes(3);
  expect(load).toHaveBeenCalledTimes(6);
  await batches.train(step, 1);
  await batches.train(stepPlan(plan, 1), 0);
  expect(join).toHaveBeenCalledTimes(3);
});

it('hands a batch out once: the engine has used it up when a leaf is asked for again', async () => {
  const { batches } = batchesThat();
  batches.expectTrain(0, root, 0);
  const step = stepPlan(plan, 0);
  const first = await batches.train(step, 1);
  const again = await batches.train(step, 1);
  expect(again.images).not.toBe(first.images);
  expect(again.labels).toEqual(first.labels);
});

it('forgets what nobody asked for, so that two batches are held at most', async () => {
  const { batches, join } = batchesThat();
  for (let leaf = 0; leaf < 3; leaf++) batches.expectValidation(leaf);
  await settled();
  expect(join).toHaveBeenCalledTimes(3);
  await batches.validation(1);
  await batches.validation(2);
  expect(join).toHaveBeenCalledTimes(3);
  await batches.validation(0);
  expect(join).toHaveBeenCalledTimes(4);
});

it('tries again what could not be loaded ahead, and then says so', async () => {
  let isDown = true;
  const { batches } = batchesThat({ fails: () => isDown });
  batches.expectValidation(0);
  await settled();
  await expect(batches.validation(0)).rejects.toThrow('not now');
  isDown = false;
  expect([...(await batches.validation(0)).labels]).toEqual([100, 101]);
});
