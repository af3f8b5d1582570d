import { expect, test } from 'vitest';
import { layOutChart, type Series, scaleOf } from './chart.ts';
import { courseCurves } from './course-charts.ts';
import type { Point } from './curves.ts';

const curve = (...points: Point[]): Series => ({ name: 'a', tone: 'training', points });
const frame = { left: 10, right: 110, top: 0, bottom: 50, numTicks: { steps: 5, values: 5 } };

test('a scale is a logarithm where values are positive and far apart', () => {
  const kind = (...values: number[]) =>
    scaleOf('fitting', [curve(...values.map((value, step): Point => [step, value]))]).kind;
  expect([kind(1, 21), kind(1, 19), kind(0, 21), kind(-1, 1), kind()]).toEqual([
    'log',
    'linear',
    'linear',
    'linear',
    'linear',
  ]);
});

test('one spike among faint steps does not widen the scale, and a spike of another curve does', () => {
  const spiky = curve(...Array.from({ length: 200 }, (_, step): Point => [step, step === 100 ? 900 : 1]));
  expect(scaleOf('linear', [{ ...spiky, isFaint: true }]).max).toBeLessThan(2);
  expect(scaleOf('linear', [spiky]).max).toBeGreaterThan(900);
});

test('shares have room above the largest, but none above 1', () => {
  expect(scaleOf('share', [curve([1, 0.5])], 1.2)).toEqual({ kind: 'linear', min: 0, max: 0.6 });
  expect(scaleOf('share', [curve([1, 0.95])]).max).toBe(1);
  expect(scaleOf('share', [curve([1, null])]).max).toBeCloseTo(0.11, 12);
});

test('places lie within the frame; what has no logarithm breaks the line and has no dot', () => {
  const series = { ...curve([0, 0.01], [5, 0], [10, 100]), hasDots: true };
  const { curves, stepTicks, valueTicks, x } = layOutChart(
    [series],
    { kind: 'log', min: 0.1, max: 10 },
    10,
    frame,
  );
  expect(curves[0]!.stretches).toEqual([[[10, 50]], [[110, 0]]]);
  expect(curves[0]!.dots).toEqual([
    { step: 0, x: 10, y: 50 },
    { step: 10, x: 110, y: 0 },
  ]);
  expect(x(5)).toBe(60);
  expect(stepTicks[0]).toEqual({ at: 10, label: '0' });
  expect(valueTicks.find(({ label }) => label === '1')?.at).toBeCloseTo(25, 9);
});

test('every curve has names of its own', () => {
  expect(new Set(courseCurves.map(({ curve: name }) => name)).size).toBe(courseCurves.length);
  expect(new Set(courseCurves.map(({ name }) => name)).size).toBe(courseCurves.length);
});
