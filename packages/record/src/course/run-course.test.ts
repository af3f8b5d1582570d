/** From lines of metrics.jsonl to the course of a run. */
import { eventOf, type KnownEvent } from '@unet-fleet/law';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addEvent, bestOf, emptyCourse, maxLanes, maxShownEvents } from './run-course.ts';

const at = '2026-01-02T03:04:05.000Z';
const step = (n: number, loss: number | null = 1 / n) => ({
  ...{ at, type: 'step', epoch: 1, stepInEpoch: n, step: n, loss, learningRate: 0.1, numImages: 4 },
  ...{ gradientNorm: 2, stepMs: 500, numWorkers: 1, timings: { reduceMs: 1, optimizeMs: 2 } },
  workers: [
    { worker: 'a', numLeaves: 2, startMs: 0, endMs: 9, fetchMs: 1, dataMs: 1, computeMs: 6, sendMs: 1 },
  ],
});
const started = (numStepsDone: number) => ({ at, type: 'run-started', numStepsDone, numSteps: 10 });
const validated = (n: number, isBest: boolean) => ({
  ...{ at, type: 'validated', epoch: 1, step: n, loss: 0.5, pixelAccuracy: 0.9, meanIou: 0.4 },
  ...{ learningRate: 0.1, isBest, classIou: [0.4, null] },
});
const kept = [
  { curve: 'trainLoss', value: (event: KnownEvent) => (event.type === 'step' ? event.loss : undefined) },
  {
    curve: 'meanIou',
    value: (event: KnownEvent) => (event.type === 'validated' ? event.meanIou : undefined),
  },
] as const;
const courseOf = (lines: unknown[]) => {
  const course = emptyCourse(kept, 2);
  for (const line of lines) {
    const event = eventOf(line);
    if (event) addEvent(course, event);
  }
  return course;
};

describe('the course of a run', () => {
  test('has the points of its steps and validations', () => {
    const course = courseOf([started(0), step(1), step(2), validated(2, true)]);
    const { curves, classIou, lanes } = course;
    expect(curves.trainLoss).toEqual([
      [1, 1],
      [2, 0.5],
    ]);
    expect(curves.meanIou).toEqual([[2, 0.4]]);
    expect(classIou).toEqual([[[2, 0.4]], [[2, null]]]);
    expect(bestOf(course)).toEqual({ step: 2, loss: 0.5, meanIou: 0.4 });
    expect(lanes.map((lane) => lane.step)).toEqual([1, 2]);
  });

  test('has gaps where nothing counted, and no best of it', () => {
    const none = { loss: null, meanIou: null, pixelAccuracy: null, classIou: [null, null] };
    const course = courseOf([started(0), step(1, null), { ...validated(1, false), ...none }]);
    const { trainLoss, meanIou } = course.curves;
    expect([trainLoss, meanIou]).toEqual(Array(2).fill([[1, null]]));
    expect(bestOf(course)).toBeNull();
  });

  test('goes back with the run: a best that will be found again, or not; a change that stays is not told again', () => {
    const change = (n: number, to: number) => ({
      ...{ at, type: 'learning-rate-changed', step: n, from: 0.1, to, by: 'me' },
    });
    const lines = [started(0), step(1), validated(1, true), change(3, 0.01), step(2), validated(2, true)];
    const course = courseOf([...lines, started(1)]);
    expect(bestOf(course)?.step).toBe(1);
    expect(course.learningRateChanges.map(({ step: at }) => at)).toEqual([3]);
    expect(courseOf([...lines, started(1), change(2, 0.02)]).learningRateChanges).toMatchObject([
      { step: 2 },
    ]);
  });

  test('has each step once after a restart, and says where it went on', () => {
    const {
      curves,
      restarts,
      step: last,
    } = courseOf([
      ...[started(0), step(1), step(2), step(3), { at, type: 'checkpoint', step: 3, isBest: false }],
      ...[started(1), step(2, 0.25)],
    ]);
    expect(curves.trainLoss).toEqual([
      [1, 1],
      [2, 0.25],
    ]);
    expect(restarts).toEqual([1]);
    expect(last).toBe(2);
  });

  test('keeps a bounded number of sentences and lanes, the newest', () => {
    const course = courseOf(Array.from({ length: 5 * maxShownEvents }, () => started(0)));
    expect(course.events.length).toBeLessThanOrEqual(2 * maxShownEvents);
    expect(course.events.at(-1)!.id).toBe(5 * maxShownEvents);
    const { lanes } = courseOf(Array.from({ length: 3 * maxLanes }, (_, n) => step(n + 1)));
    expect([lanes.length, lanes.at(-1)!.step]).toEqual([maxLanes, 3 * maxLanes]);
  });

  test('has a gap where a figure was not finite', () => {
    expect(courseOf([step(1, null)]).curves.trainLoss).toEqual([[1, null]]);
  });
});

describe('a line is an event, or passed over', () => {
  test('any JSON gives an event that can be taken in, or null', () => {
    const parsed = fc.json().map((text): unknown => JSON.parse(text));
    const spoilt = fc
      .record({
        line: fc.constantFrom<object>(step(1), started(0), validated(1, true)),
        name: fc.constantFrom(...Object.keys(step(1)), 'classIou', 'isBest'),
        value: parsed,
      })
      .map(({ line, name, value }): unknown => ({ ...line, [name]: value }));
    fc.assert(
      fc.property(fc.oneof(parsed, spoilt), (line) => {
        const event = eventOf(line);
        if (event) addEvent(emptyCourse(kept, 2), event);
      }),
    );
  });
});
