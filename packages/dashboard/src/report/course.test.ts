import type { RecordedEvent } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import { courseOf } from './course.ts';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1) + second * 1_000).toISOString();
const event = (second: number, values: object) => ({ at: at(second), ...values }) as RecordedEvent;
const started = (second: number, numStepsDone: number) =>
  event(second, { type: 'run-started', numStepsDone, numSteps: 9 });
const joined = (second: number, worker: string) =>
  event(second, { type: 'worker-joined', worker, numWorkers: 1 });
const left = (second: number, worker: string) =>
  event(second, { type: 'worker-left', worker, reason: 'killed', numWorkers: 0 });
const step = (second: number, n: number, values: object = {}) =>
  event(second, { type: 'step', step: n, loss: 1, stepMs: 1_000, numImages: 2, ...values });

test('a start ends where the next begins, and whoever was there then has stayed to its end', () => {
  const { starts, stays, activeMs, lastStart, lastStep } = courseOf([
    ...[started(0, 0), joined(1, 'a'), joined(2, 'b'), left(3, 'b'), step(4, 1)],
    // A day later.
    ...[started(86_400, 1), joined(86_401, 'a'), step(86_403, 2)],
  ]);
  expect(starts.shown).toMatchObject([
    { fromStep: 0, toStep: 1, outcome: null },
    { fromStep: 1, toStep: 2, outcome: null },
  ]);
  expect(activeMs).toBe(4_000 + 3_000);
  expect(lastStart).toBe(starts.shown[1]);
  expect(lastStep?.step).toBe(2);
  expect(stays.shown.map(({ worker, fromMs, toMs, reason }) => [worker, toMs - fromMs, reason])).toEqual([
    ['b', 1_000, 'killed'],
    ['a', 3_000, null],
    ['a', 2_000, null],
  ]);
});

test('a run that finished and was started again has not finished', () => {
  const finished = event(3, { type: 'finished', reason: 'stopped', step: 1, weightsSha256: '' });
  expect(courseOf([started(0, 0), finished]).finished?.reason).toBe('stopped');
  const { finished: none, starts } = courseOf([started(0, 0), finished, started(9, 1)]);
  expect(none).toBeNull();
  expect(starts.shown.map(({ outcome }) => outcome)).toEqual(['stopped', null]);
});

test('a validation takes the time since the last commit, and waits are added up', () => {
  const { validationMs, waits, awayMs, numValidations } = courseOf([
    ...[
      started(0, 0),
      step(2, 1),
      event(5, { type: 'validated', step: 1, loss: 1, meanIou: 0, isBest: true }),
    ],
    event(9, { type: 'broker-back', awayMs: 3_000 }),
    event(20, { type: 'resumed', by: 'me', pausedMs: 10_000 }),
    event(30, { type: 'resumed', by: 'me', pausedMs: 5_000 }),
  ]);
  expect([validationMs, numValidations]).toEqual([3_000, 1]);
  expect(awayMs).toEqual({ broker: 3_000, paused: 15_000 });
  expect(waits.shown.map(({ kind, fromMs, toMs }) => [kind, toMs - fromMs])).toEqual([
    ['validation', 3_000],
    ['broker', 3_000],
    ['paused', 10_000],
    ['paused', 5_000],
  ]);
});

test('of lists without end the first entries are kept, with their number and right sums', () => {
  const many = Array.from({ length: 5_000 }, (_, n) => [
    started(10 * n, n),
    joined(10 * n + 1, `worker ${n}`),
    event(10 * n + 2, { type: 'warning', message: 'look' }),
    event(10 * n + 3, { type: 'resumed', by: 'me', pausedMs: 1 }),
    step(10 * n + 4, n + 1, { loss: null, workers: [lane(`worker ${n}`)] }),
  ]).flat();
  const course = courseOf(many);
  for (const list of [course.starts, course.stays, course.waits, course.faults.get('warning')!]) {
    expect(list.num).toBe(5_000);
    expect(list.shown.length).toBeLessThanOrEqual(1_000);
  }
  expect(course.workers.length).toBeLessThanOrEqual(2_000);
  expect(course.activeMs).toBe(5_000 * 4_000);
  expect(course.awayMs.paused).toBe(5_000);
  expect(course.numNonFiniteSteps).toBe(5_000);
  expect(course.lastStart?.fromStep).toBe(4_999);
});

const lane = (worker: string) => ({
  ...{ worker, numLeaves: 2, startMs: 10, endMs: 100, fetchMs: 5, dataMs: 5, computeMs: 60, sendMs: 10 },
});

test('the parts of a step come to its time, also where they overlapped', () => {
  const timings = {
    fetchMs: 100,
    dataMs: 50,
    computeMs: 700,
    sendMs: 100,
    reduceMs: 400,
    optimizeMs: 20,
  };
  const { steps, workers } = courseOf([
    started(0, 0),
    step(1, 1, { timings, workers: [lane('a'), lane('b')] }),
  ]);
  expect(steps.parts.reduce((sum, { ms }) => sum + ms, 0)).toBe(1_000);
  expect(steps.parts.find(({ name }) => name === 'compute')?.ms).toBe(700);
  expect(steps.parts.find(({ name }) => name === 'wait')?.ms).toBe(0);
  expect(workers).toMatchObject([
    { worker: 'a', numSteps: 1, numLeaves: 2, computeMs: 60, waitMs: 10 },
    { worker: 'b', waitMs: 10 },
  ]);
  // Of the step of a second in which they worked for 80 ms.
  expect(workers[0]!.waits.inWords()).toBe('waits 0.5 % for data, 0.5 % for weights, 92.0 % for others');
});
