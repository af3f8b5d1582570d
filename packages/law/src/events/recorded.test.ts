import { expect, test } from 'vitest';
import type { RunEvent } from './events.ts';
import { eventOf, isRecorded, stands } from './recorded.ts';

const at = '2026-01-02T03:04:05.000Z';
const step = {
  ...{ at, type: 'step', epoch: 1, stepInEpoch: 1, step: 1, loss: 1, learningRate: 0.1, numImages: 4 },
  ...{ gradientNorm: 2, stepMs: 500, numWorkers: 1, timings: { reduceMs: 1, optimizeMs: 2 } },
};

test('a line that lacks what an event has is none, but for what older versions did not write', () => {
  expect(eventOf(step)).toEqual(step);
  for (const name of ['at', 'loss', 'numImages']) expect(eventOf({ ...step, [name]: undefined })).toBeNull();
  expect(eventOf({ ...step, workers: [{ worker: 'a' }] })).toBeNull();
  expect(eventOf({ ...step, gradientNorm: null })).toMatchObject({ gradientNorm: null });
  const started = { at, type: 'run-started', numStepsDone: 0, numSteps: 10 };
  expect(eventOf(started)).toEqual(started);
  expect(eventOf({ ...started, runId: 5 })).toBeNull();
  for (const type of ['unheard of', 'toString', '__proto__', 5, undefined]) {
    expect(eventOf({ ...step, type })).toBeNull();
  }
});

test('what older versions called otherwise is read under the name of today', () => {
  const old = { ...step, timings: { broadcastMs: 7, reduceMs: 1, optimizeMs: 2 } };
  expect(eventOf(old)).toEqual({ ...step, timings: { fetchMs: 7, reduceMs: 1, optimizeMs: 2 } });
});

test('names with control characters are made printable, times those of UTC', () => {
  const event = eventOf({ at: '2026-01-02T04:04:05+01:00', type: 'warning', message: 'a\u001b[2Jb' });
  expect(event).toEqual({ at, type: 'warning', message: 'a\\u001b[2Jb' });
});

test('a line stands in a run that goes on from its moment or a later one, and so does what is no event', () => {
  const validated = { type: 'validated', step: 4 };
  expect([3.5, 4, 4.5].map((reached) => stands(validated, reached))).toEqual([false, false, true]);
  expect([3.5, 4, 4.5].map((reached) => stands({ type: 'checkpoint', step: 4 }, reached))).toEqual([
    ...[false, true, true],
  ]);
  const others = [
    { type: 'worker-late', step: 4 },
    { type: 'step' },
    { type: 'unheard of', step: 4 },
    null,
    5,
  ];
  for (const line of others) expect(stands(line, 0)).toBe(true);
});

test('progress of a validation is not recorded', () => {
  expect(isRecorded({ type: 'validation-progress' } as RunEvent)).toBe(false);
  expect(isRecorded({ type: 'validated' } as RunEvent)).toBe(true);
});
