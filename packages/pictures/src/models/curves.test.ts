import { describe, expect, it } from 'vitest';
import {
  clampedRange,
  curveInWords,
  extentOf,
  figure,
  lastPoint,
  type Point,
  pathOf,
  percentage,
  percentTicks,
  positive,
  smoothed,
  stretchesOf,
  valueAt,
  weightOver,
} from './curves.ts';

const curve: Point[] = [
  [1, 4],
  [2, 2],
  [3, null],
  [5, 3],
];

describe('smoothing', () => {
  it('leaves a curve as it is at weight 0 and a constant one at any weight', () => {
    expect(smoothed(curve, 0)).toEqual(curve);
    const constant: Point[] = Array.from({ length: 50 }, (_, step) => [step, 7]);
    for (const [, value] of smoothed(constant, 0.9)) expect(value).toBeCloseTo(7, 12);
  });

  it('over one point is none', () => {
    expect(weightOver(0.3)).toBe(0);
    expect(smoothed(curve, weightOver(1))).toEqual(curve);
    expect(weightOver(50)).toBeCloseTo(0.98, 12);
  });

  it('weighs what came last most, corrects its start, and keeps breaks', () => {
    const [first, second, third, last] = smoothed(curve, 0.5);
    expect(first).toEqual([1, 4]);
    // (0.5 * 2 + 0.25 * 4) / 0.75
    expect(second![1]).toBeCloseTo(2 / 0.75, 12);
    expect(third).toEqual([3, null]);
    // (0.5 * 3 + 0.25 * 2 + 0.125 * 4) / 0.875
    expect(last![1]).toBeCloseTo(2.5 / 0.875, 12);
  });
});

describe('values at a step', () => {
  it('are the newest at or before it, over a break, too', () => {
    expect([0, 1, 1.5, 2, 3, 4, 5, 99].map((step) => valueAt(curve, step))).toEqual([
      null,
      4,
      4,
      2,
      2,
      2,
      3,
      3,
    ]); // prettier-ignore
    expect(valueAt([], 1)).toBeNull();
  });

  it('have no logarithm at zero and below', () => {
    expect(
      positive([
        [1, 0],
        [2, -1],
        [3, null],
        [4, 2],
      ]),
    ).toEqual([
      [1, null],
      [2, null],
      [3, null],
      [4, 2],
    ]); // prettier-ignore
  });
});

describe('ranges', () => {
  it('span all curves that have points', () => {
    expect(
      extentOf([
        [],
        curve,
        [
          [4, 1],
          [9, 1],
        ],
      ]),
    ).toEqual({ from: 1, to: 9 }); // prettier-ignore
    expect(extentOf([[], []])).toBeNull();
  });

  it('are cut to what there is, and are dropped where nothing would be left out or shown', () => {
    const extent = { from: 1, to: 100 };
    expect(clampedRange({ from: -5, to: 50 }, extent)).toEqual({ from: 1, to: 50 });
    expect(clampedRange({ from: 0, to: 200 }, extent)).toBeNull();
    expect(clampedRange({ from: 150, to: 200 }, extent)).toBeNull();
    expect(clampedRange({ from: 50, to: 50 }, extent)).toBeNull();
    expect(clampedRange(null, extent)).toBeNull();
    expect(clampedRange({ from: 1, to: 2 }, null)).toBeNull();
  });
});

describe('lines', () => {
  const path = (points: Point[]) =>
    pathOf(
      stretchesOf(
        points,
        (step) => step / 3,
        (value) => 50 * (1 - value),
      ),
      100,
    );
  it('go upwards, break where there is no value, and show points that stand alone', () => {
    expect(
      path([
        [0, 0],
        [10, 1],
        [20, null],
        [30, 0.5],
        [40, null],
        [50, null],
      ]),
    ).toBe('M0 50L3.33 0M10 25h0');
    expect(path([])).toBe('');
  });

  it('end at the last value there is', () => {
    expect(lastPoint(curve)).toEqual([5, 3]);
    expect(lastPoint([...curve, [6, null]])).toEqual([5, 3]);
    expect(lastPoint([[6, null]])).toBeNull();
  });
});

describe('ticks of shares', () => {
  it('have the digits that they need, and no more', () => {
    expect(percentTicks([0, 0.25, 0.5])).toEqual(['0 %', '25 %', '50 %']);
    expect(percentTicks([0.018, 0.0185, 0.019])).toEqual(['1.80 %', '1.85 %', '1.90 %']);
    expect(percentTicks([0.7, 0.725])).toEqual(['70.0 %', '72.5 %']);
    expect(percentTicks([])).toEqual([]);
  });
});

describe('words', () => {
  it('tell a curve to those who do not see it', () => {
    expect(curveInWords('Loss', curve, figure)).toBe(
      'Loss: 3 points, from 4 at step 1 to 3 at step 5; lowest 2 at step 2, highest 4 at step 1',
    );
    expect(curveInWords('Loss', [[7, 0.25]], percentage)).toBe('Loss: 1 point, 25.0 % at step 7');
    expect(curveInWords('Loss', [[7, null]], figure)).toBe('Loss: no points yet');
  });

  it('are short for figures of any size', () => {
    expect([0, 1, 0.5, 0.001, 0.0005, 1e-8, 123.456, 1200, 99_999, 1_234_567, -0.00001].map(figure)).toEqual([
      '0',
      '1',
      '0.5',
      '0.001',
      '0.0005',
      '1e-8',
      '123.5',
      '1200',
      '99999',
      '1.23e6',
      '-1e-5',
    ]); // prettier-ignore
  });
});
