import { expect, test } from 'vitest';
import { initialNorms, type LeafNorm, type NormHistory, outliersOf } from './outliers.ts';

const leafOf = (norm: number, weightSum = 100): LeafNorm => ({
  gradientNorm: norm * weightSum,
  weightSum,
  isFinite: true,
});

/** A long-tailed course that falls over the steps, as norms do. */
function falling(step: number, leaf: number): number {
  const u = ((step * 31 + leaf * 17) % 97) / 97;
  return (3 / (1 + step / 20)) * (0.5 + u * u * 2);
}

/** All leaves found, as step:leaf. */
function findAll(numSteps: number, leavesOf: (step: number) => LeafNorm[]): string[] {
  let history: NormHistory = initialNorms();
  const found: string[] = [];
  for (let step = 0; step < numSteps; step++) {
    const judged = outliersOf(history, leavesOf(step));
    history = judged.history;
    found.push(...judged.outliers.map(({ leaf }) => `${step}:${leaf}`));
  }
  return found;
}

const usual = (step: number) => Array.from({ length: 4 }, (_, leaf) => leafOf(falling(step, leaf)));

test('the usual course of a run has no outliers', () => {
  expect(findAll(200, usual)).toEqual([]);
});

test('a leaf far above those before it is found, with what it is measured by', () => {
  const withOne = (step: number) => {
    const leaves = usual(step);
    if (step === 60) leaves[2] = leafOf(40);
    return leaves;
  };
  expect(findAll(200, withOne)).toEqual(['60:2']);
  let history = initialNorms();
  for (let step = 0; step < 60; step++) history = outliersOf(history, usual(step)).history;
  const { outliers } = outliersOf(history, [leafOf(1), leafOf(40)]);
  expect(outliers).toEqual([{ leaf: 1, norm: 40, median: expect.closeTo(1, 0) }]);
});

test('the size of a leaf does not matter, only its mean gradient', () => {
  const sizes = (step: number) =>
    usual(step).map(({ gradientNorm, weightSum }, leaf) => ({
      gradientNorm: (gradientNorm / weightSum) * (leaf === 3 ? 5000 : 100),
      weightSum: leaf === 3 ? 5000 : 100,
      isFinite: true,
    }));
  expect(findAll(100, sizes)).toEqual([]);
});

test('nothing is judged by a few leaves, by leaves without a valid pixel or by skipped ones', () => {
  expect(findAll(1, () => [leafOf(1), leafOf(1), leafOf(1e6)])).toEqual([]);
  const empty = { gradientNorm: 0, weightSum: 0, isFinite: true };
  const skipped = { gradientNorm: 0, weightSum: 0, isFinite: false };
  expect(outliersOf([1, 2], [empty, skipped])).toEqual({ history: [1, 2], outliers: [] });
});

test('a level that stays becomes the usual one, and the window is bounded', () => {
  let history = initialNorms();
  for (let step = 0; step < 100; step++) history = outliersOf(history, usual(step)).history;
  expect(history.length).toBe(128);
  const higher = Array.from({ length: 128 }, () => leafOf(50));
  ({ history } = outliersOf(history, higher));
  expect(outliersOf(history, higher).outliers).toEqual([]);
});
