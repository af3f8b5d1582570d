import { expect, test } from 'vitest';
import { curvePath, lastValue } from './curve-path.ts';

const size = { numSteps: 100, width: 100, height: 50 };

test('draws upwards and breaks where there is no value', () => {
  const path = curvePath(
    [
      [10, 0],
      [20, 1],
      [30, null],
      [40, 0.5],
      [50, 0.5],
    ],
    size,
  );
  expect(path).toBe('M10 50L20 0M40 25L50 25');
});

test('makes a dot of a point that stands alone at the end', () => {
  expect(curvePath([[10, 1]], size)).toBe('M10 0h0.01');
  expect(curvePath([], size)).toBe('');
});

test('finds the last value there is', () => {
  expect(
    lastValue([
      [1, 0.2],
      [2, null],
    ]),
  ).toEqual({ step: 1, value: 0.2 });
  expect(lastValue([[2, null]])).toBe(null);
});
