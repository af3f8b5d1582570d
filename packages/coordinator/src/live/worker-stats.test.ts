import { expect, it } from 'vitest';
import { type StepOfWorker, WorkerStats } from './worker-stats.ts';

const worker = (workerId: string, leafMs: number, numLeaves = 2): StepOfWorker => ({
  workerId,
  numImages: 2 * numLeaves,
  numLeaves,
  startMs: 5,
  endMs: 5 + leafMs * numLeaves,
});

/** Deterministic noise between -1 and 1. */
const noise = (i: number): number => Math.sin(i * 12.9898);

function statsOf(numSteps: number, workersOf: (step: number) => StepOfWorker[]): WorkerStats {
  const stats = new WorkerStats();
  for (let step = 0; step < numSteps; step++) stats.add(200, workersOf(step));
  return stats;
}

it('gives each worker the part of the speed that is its own', () => {
  const stats = statsOf(4, (step) => (step < 2 ? [worker('a', 50)] : [worker('a', 50), worker('b', 50, 1)]));
  expect(stats.imagesPerSecond('a')).toBe(20);
  expect(stats.imagesPerSecond('b')).toBe(10);
  expect(stats.imagesPerSecond('stranger')).toBe(0);
  expect(stats.leafMs('b')).toBe(50);
  expect(stats.leafMs('stranger')).toBeNull();
});

it('forgets what lies longer back than the last steps', () => {
  const stats = statsOf(60, (step) => (step < 30 ? [worker('gone', 50)] : [worker('a', 50)]));
  expect(stats.imagesPerSecond('gone')).toBe(0);
});

it('marks the worker that all others wait for', () => {
  const stats = statsOf(10, (step) => [
    worker('a', 50 + noise(step)),
    worker('b', 50 + noise(step + 100)),
    worker('slow', 90 + noise(step + 200)),
  ]);
  expect(['a', 'b', 'slow'].filter((id) => stats.isStraggler(id))).toEqual(['slow']);
});

it('marks nobody among equals, by a few bad steps, or after a few steps', () => {
  const ids = ['a', 'b', 'c'];
  const equal = statsOf(20, (step) => ids.map((id, i) => worker(id, 50 + 5 * noise(step * 3 + i))));
  expect(ids.filter((id) => equal.isStraggler(id))).toEqual([]);
  const once = statsOf(20, (step) => ids.map((id) => worker(id, id === 'a' && step < 4 ? 900 : 50)));
  expect(ids.filter((id) => once.isStraggler(id))).toEqual([]);
  const early = statsOf(4, () => [worker('a', 50), worker('b', 500)]);
  expect(early.isStraggler('b')).toBe(false);
});

it('marks nobody where the others are as uneven themselves', () => {
  const stats = statsOf(20, (step) => [
    worker('a', 50 + 40 * noise(step)),
    worker('b', 50 + 40 * noise(step + 50)),
    worker('c', 80),
  ]);
  expect(stats.isStraggler('c')).toBe(false);
});

it('marks no worker for having more leaves than others, or for working alone', () => {
  const more = statsOf(20, () => [worker('a', 50, 2), worker('b', 50, 3)]);
  expect(more.isStraggler('b')).toBe(false);
  const alone = statsOf(20, () => [worker('a', 50)]);
  expect(alone.isStraggler('a')).toBe(false);
});
