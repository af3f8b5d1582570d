import { loadConfig } from '@unet-fleet/config/load';
import { expect, it } from 'vitest';
import { largestLeaf, memoryLack, trainingCost } from './training-cost.ts';

const flags = { images: 'p', masks: 'm', scale: 1, baseWidth: 64, batchSize: 8, optimizer: 'adam' };
const samples = [{ width: 64, height: 64 }, ...new Array(199).fill({ width: 256, height: 192 })];
const costOf = (more = {}) =>
  trainingCost(loadConfig({ flags: { ...flags, ...more } }), { samples, numClasses: 2 })!;

it('is that of a leaf of the largest photos', () => {
  const numParameters = 31_037_698;
  expect(costOf()).toMatchObject({
    leaf: { numImages: 2, width: 256, height: 192 },
    numParameters,
    multiplyAddsPerPhoto: 3 * 36_128_686_080,
    weightBytes: 4 * 4 * numParameters,
    optimizerBytes: 2 * 4 * numParameters,
  });
  expect(costOf({ batchSize: 4000 }).leaf.numImages).toBe(samples.length);
  expect(trainingCost(loadConfig({ flags }), { samples: [], numClasses: 2 })).toBeNull();
  expect(() => costOf({ scale: 0.1 })).toThrow('--scale 0.1 of 64x64 gives 6x6 pixels, which are too small');
});

it('has maps of half the bytes in bf16, and a second copy of the weights', () => {
  const [wide, narrow] = [costOf(), costOf({ precision: 'bf16' })];
  expect(narrow.mapBytes).toBe(wide.mapBytes / 2);
  expect(narrow.weightBytes).toBe(wide.weightBytes + 2 * wide.numParameters);
  expect(narrow.workerBytes).toBeLessThan(wide.workerBytes);
});

it('says which leaf fits, and that is one which does', () => {
  for (const bytes of [1.5e9, 2e9, 24e9]) {
    const most = largestLeaf(costOf(), bytes);
    expect(most).toBeGreaterThan(0);
    expect(costOf({ batchSize: 4 * most }).workerBytes).toBeLessThanOrEqual(bytes);
    expect(costOf({ batchSize: 4 * (most + 1) }).workerBytes).toBeGreaterThan(bytes);
  }
  expect(largestLeaf(costOf(), 5e8)).toBe(0);
});

it('that is more than is free is told with what would fit', () => {
  const cost = costOf();
  expect(memoryLack(cost, 2, 2 * cost.workerBytes)).toBeNull();
  expect(memoryLack(cost, 2, 2 * cost.workerBytes - 1)).toMatch(
    /^on the processor 2 workers with leaves of 2 photos of 256x192 would need about .* GB, more than .* GB that are free here: use --leaf-size 1, or fewer --workers, or a smaller --size/,
  );
  expect(memoryLack(cost, 1, 5e8)).toMatch(/: use a smaller --size or --base-width$/);
});
