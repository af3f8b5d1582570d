import { metricsOf } from '@unet-fleet/law';
import { denseConfusion, type SparseConfusion } from '@unet-fleet/pictures/models/confusion';
import { expect, test } from 'vitest';
import { cellAfterKey, cellInWords, intensity, shownClasses } from './matrix.ts';
import { leavesBehind, sortedClasses } from './sparse.ts';

/** 4 classes: class 2 occurs nowhere, class 3 is predicted only. */
const confusion: SparseConfusion = { indices: [0, 1, 4, 5, 7], counts: [50, 10, 5, 30, 5] };
const names = ['road', 'car', 'tree', 'bird'];

test('sorts by score with what has none last', () => {
  const scored = metricsOf(denseConfusion(confusion, 4), 4).classes;
  const order = (key: Parameters<typeof sortedClasses>[2]) =>
    sortedClasses(scored, names, key).map(({ classIndex }) => classIndex);
  expect(order('support')).toEqual([0, 1, 3, 2]);
  expect(order('iou')).toEqual([0, 1, 3, 2]);
  // 30 of 40 found, 50 of 60 found, then those without a recall.
  expect(order('recall')).toEqual([0, 1, 2, 3]);
  expect(order('name')).toEqual([3, 1, 0, 2]);
});

test('finds the leaves behind a cell, most first', () => {
  const leaf = (sampleIds: string[], count: number) => ({
    sampleIds,
    confusion: { indices: [1, 5], counts: [count, 9] },
  });
  const leaves = [leaf(['a'], 2), leaf(['b', 'c'], 0), leaf(['d'], 7)];
  expect(leavesBehind(leaves, { truth: 0, prediction: 1 }, 4, 5)).toEqual([
    { sampleIds: ['d'], count: 7 },
    { sampleIds: ['a'], count: 2 },
  ]);
  expect(leavesBehind(leaves, { truth: 3, prediction: 3 }, 4, 5)).toEqual([]);
});

test('shows the classes that occur, or all', () => {
  const scored = metricsOf(denseConfusion(confusion, 4), 4).classes;
  expect(shownClasses(scored, false)).toEqual([0, 1, 3]);
  expect(shownClasses(scored, true)).toEqual([0, 1, 2, 3]);
});

test('keeps intensities within 0 and 1 and nothing invisible that is there', () => {
  for (const scale of ['share', 'log-share', 'log-pixels'] as const) {
    expect(intensity(0, 10, 100, scale)).toBe(0);
    expect(intensity(10, 10, 10, scale)).toBe(1);
    expect(intensity(1, 1e6, 1e6, scale)).toBeGreaterThan(0);
    expect(intensity(5, 10, 100, scale)).toBeLessThan(1);
  }
  expect(intensity(1, 1e6, 1e6, 'log-pixels')).toBeGreaterThan(0.04);
});

test('walks the grid by keys and stops at its edges', () => {
  const walk = (key: string, isWide = false) => cellAfterKey({ row: 2, column: 1 }, key, 4, isWide);
  expect(walk('ArrowUp')).toEqual({ row: 1, column: 1 });
  expect(walk('ArrowDown')).toEqual({ row: 3, column: 1 });
  expect(walk('PageDown')).toEqual({ row: 3, column: 1 });
  expect(walk('Home')).toEqual({ row: 2, column: 0 });
  expect(walk('End', true)).toEqual({ row: 3, column: 3 });
  expect(walk('x')).toBe(null);
  expect(cellAfterKey({ row: 0, column: 0 }, 'ArrowLeft', 4, false)).toEqual({ row: 0, column: 0 });
});

test('says a cell in words', () => {
  expect(cellInWords({ truth: 0, prediction: 1 }, 1000, 6000, names)).toBe(
    '1,000 of 6,000 pixels of road (16.7 %) were taken for car.',
  );
  expect(cellInWords({ truth: 1, prediction: 1 }, 30, 30, names)).toBe(
    '30 of 30 pixels of car (100 %) were found.',
  );
  expect(cellInWords({ truth: 3, prediction: 7 }, 0, 0, names)).toBe(
    'bird is nowhere in the truth; no pixel can be taken for class 7.',
  );
});
