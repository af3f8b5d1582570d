import type { LiveStatus } from '@unet-fleet/coordinator';
import { describe, expect, test } from 'vitest';
import { emptyDrawnCourse } from '../history/run-history.ts';
import { headOf, Pace } from './head.ts';

const at = '2026-01-02T03:04:05.000Z';
const ago = (ms: number) => new Date(Date.parse(at) - ms).toISOString();
const awaited = (who: string, sinceMs: number) => ({
  ...{ who, what: 'leaf 3', why: 'it computes', since: ago(sinceMs), until: null, outcome: 'others get it' },
});
const live = (rest: Partial<LiveStatus> = {}): LiveStatus => ({
  ...{ at, runId: 'r', term: 1, pid: 1, state: 'training', step: 10, numSteps: 40, checkpoint: null },
  ...{ workers: [{ name: 'a', state: 'idle', lastSeen: at, reason: '' }], awaited: [], facts: [] },
  ...{ isPaused: false, stopsAfterEpoch: false },
  ...rest,
});
const plan = { numStepsPerEpoch: 10, numEpochs: 4 };
const head = (rest: Partial<LiveStatus>, stepsPerMs: number | null = null) =>
  headOf(live(rest), emptyDrawnCourse(2), plan, stepsPerMs);

describe('the head', () => {
  test('counts epochs from 1, and says how long it takes still', () => {
    expect(head({ step: 9 }).epoch).toBe(1);
    expect(head({ step: 10 }, 0.001)).toMatchObject({ epoch: 2, timeLeftMs: 30_000 });
    expect(head({ step: 40, state: 'over' }, 0.001)).toMatchObject({ epoch: 4, timeLeftMs: null });
  });

  test('gives as a reason what takes unusually long, and all that a run waits for that does not train', () => {
    expect(head({ awaited: [awaited('a', 400)] }).reasons).toEqual([]);
    expect(head({ awaited: [awaited('a', 400), awaited('b', 9_000)] }).reasons).toEqual([
      'waiting for 9s for b: leaf 3 (it computes); then others get it',
    ]);
    expect(head({ state: 'paused', awaited: [awaited('a', 400)] }).reasons).toHaveLength(1);
  });

  test('has a row for a worker of which nothing is known yet', () => {
    expect(head({}).workers).toMatchObject([
      { name: 'a', device: '', imagesPerSecond: 0, isStraggler: false },
    ]);
  });
});

describe('the pace', () => {
  test('counts waits between steps, and begins anew where the run went back', () => {
    const pace = new Pace();
    expect(pace.stepsPerMs()).toBeNull();
    for (const [step, atMs] of [
      [5, 0],
      [6, 100],
      [7, 400],
    ] as const)
      pace.add(step, atMs);
    expect(pace.stepsPerMs()).toBe(2 / 400);
    pace.add(6, 1_000);
    expect(pace.stepsPerMs()).toBeNull();
  });

  test('looks at the last thousand steps', () => {
    const pace = new Pace();
    for (let step = 1; step <= 5_000; step++)
      pace.add(step, step < 3_000 ? step : 3_000 + (step - 3_000) * 10);
    expect(pace.stepsPerMs()).toBeCloseTo(0.1);
  });
});
