/** What the benchmark of large fleets takes for wrong, and what it does not. */
import { expect, test } from 'vitest';
import { flatnessOf } from './bench/scale/flat.ts';
import type { Point } from './bench/scale/point.ts';
import { faultsOf, firstDifference } from './bench/scale/verdict.ts';

const mebibyte = 2 ** 20;
const usage = (residentBytes: number[]) => ({ residentBytes, cpuSeconds: residentBytes.map(() => 0) });
/** As a collector leaves it: up and down, and where it was. */
const sawTooth = (bytes: number, length: number) =>
  Array.from({ length }, (_, i) => bytes + (i % 7) * 6 * mebibyte);

function point(overrides: Partial<Point> = {}): Point {
  return {
    numWorkers: 2,
    carrier: 'nats',
    numReducers: 1,
    numParameters: 487_075,
    steps: [],
    usage: { coordinator: usage(sawTooth(200 * mebibyte, 600)), broker: usage([]), workers: usage([]) },
    broker: { numSlowConsumers: 0, inBytes: 0, outBytes: 0, inMessages: 0, outMessages: 0 },
    disturbances: {},
    gradientSha256s: ['a', 'b', 'c'],
    weightsSha256: 'w',
    ...overrides,
  };
}

test('memory is flat where it comes down again, after a warm-up that fills it', () => {
  const warming = Array.from({ length: 60 }, (_, i) => (i * 200 * mebibyte) / 60);
  expect(flatnessOf([...warming, ...sawTooth(200 * mebibyte, 540)]).isFlat).toBe(true);
});

test('memory that grows by a fifth over the run is not flat', () => {
  const growing = sawTooth(200 * mebibyte, 600).map((bytes, i) => bytes + (i * 60 * mebibyte) / 600);
  const { firstThirdBytes, lastThirdBytes, isFlat } = flatnessOf(growing);
  expect(isFlat).toBe(false);
  expect(lastThirdBytes).toBeGreaterThan(firstThirdBytes);
});

test('a fleet without losses whose steps are those of one worker has no fault, though workers were late', () => {
  const reference = { gradientSha256s: ['a', 'b', 'c', 'd'] };
  const late = { 'worker-late': 3, 'lease-repeated': 3, 'message dropped: late': 2 };
  expect(faultsOf(point({ disturbances: late }), reference)).toEqual([]);
});

test('lost and damaged frames, slow consumers, growing memory and other weights are told, each in a sentence', () => {
  const growing = Array.from({ length: 600 }, (_, i) => (200 + i / 5) * mebibyte);
  const faulty = point({
    disturbances: { 'frame asked again': 2, 'frame damaged': 1, 'message dropped: malformed': 1 },
    broker: { numSlowConsumers: 1, inBytes: 0, outBytes: 0, inMessages: 0, outMessages: 0 },
    usage: { coordinator: usage(growing), broker: usage([]), workers: usage([]) },
  });
  expect(faultsOf(faulty, { gradientSha256s: ['a', 'x', 'c'] })).toEqual([
    'frame asked again: 2 times',
    'frame damaged: 1 times',
    'message dropped: malformed: 1 times',
    'the broker cut off slow consumers: 1 times',
    "the coordinator's memory grew from 230 MiB (first third) to 302 MiB (last third)",
    'step 2 differs from that of one worker',
  ]);
});

test('a reference with fewer steps vouches for none of those beyond it', () => {
  expect(firstDifference(['a', 'b'], ['a', 'b', 'c'])).toBeNull();
  expect(firstDifference(['a', 'b'], ['a'])).toBe(2);
});
