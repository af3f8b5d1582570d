import { loadConfig } from '@unet-fleet/config/load';
import { expect, it } from 'vitest';
import { costLines, trainingCost } from './training-cost.ts';

const flags = { images: 'p', masks: 'm', scale: 1, baseWidth: 64, batchSize: 8 };
const samples = [
  { width: 64, height: 64 },
  { width: 256, height: 192 },
];

it('is that of a leaf of the largest photos', () => {
  const cost = trainingCost(loadConfig({ flags }), { samples, numClasses: 2 })!;
  expect(cost).toMatchObject({
    leaf: { numImages: 2, width: 256, height: 192 },
    numParameters: 31_037_698,
    multiplyAddsPerPhoto: 3 * 36_128_686_080,
  });
  expect(trainingCost(loadConfig({ flags }), { samples: [], numClasses: 2 })).toBeNull();
});

it('is told, and beside what the machine has where that is less', () => {
  const cost = trainingCost(loadConfig({ flags }), { samples, numClasses: 2 })!;
  const lines = (availableBytes: number) => costLines(cost, { availableBytes, totalBytes: 1e12 });
  expect(lines(1e11)).toHaveLength(1);
  expect(lines(1e11)[0]).toMatch(
    /^a worker: \d+ MB of maps for a leaf of 2 photos of 256x192, 497 MB of weights; 108 billion multiply-adds/,
  );
  expect(lines(6e8)[1]).toMatch(
    /^that is more than the 600 MB that are free here: use a smaller --leaf-size/,
  );
});
