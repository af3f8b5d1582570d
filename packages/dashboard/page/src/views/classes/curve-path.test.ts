import { expect, test } from 'vitest';
import { curvePath, dotPath, lastValue } from './curve-path.ts';

const frame = { extent: { from: 10, to: 110 }, width: 100, height: 50 };

test('draws upwards and breaks where there is no value', () => {
  const path = curvePath(
    [
      [10, 0],
      [20, 1],
      [30, null],
      [40, 0.5],
      [50, 0.5],
    ],
    frame,
  );
  expect(path).toBe('M0 50h0L10 0M30 25h0L40 25');
});

test('begins at the first step that there is and makes dots of points that stand alone', () => {
  expect(curvePath([[10, 1]], frame)).toBe('M0 0h0');
  expect(curvePath([[10, 1]], { ...frame, extent: { from: 10, to: 10 } })).toBe('M0 0h0');
  expect(curvePath([], frame)).toBe('');
  expect(dotPath({ step: 60, value: 0.5 }, frame)).toBe('M50 25h0.01');
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
