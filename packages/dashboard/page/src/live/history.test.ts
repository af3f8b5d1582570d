import { expect, test } from 'vitest';
import { type History, maxPoints, type Point } from '../../../src/protocol.ts';
import { appended, maxLanes, withCheckpoint, withEvaluated, withUpdate } from './history.ts';

const empty: History = {
  name: 'run',
  runId: 'r',
  config: {},
  classNames: ['a', 'b'],
  classColours: ['#000', '#fff'],
  ignoreIndex: -1,
  numSteps: 100,
  numStepsPerEpoch: 10,
  curves: {
    trainLoss: [[1, 2]],
    validationLoss: [],
    learningRate: [],
    meanIou: [],
    pixelAccuracy: [],
    gradientNorm: [],
    imagesPerSecond: [],
    classIou: [[], [[5, 0.1]]],
  },
  restarts: [],
  checkpoints: [],
  learningRateChanges: [],
  evaluatedSteps: [10],
  validationIds: [],
  followed: [],
  events: [{ id: 3, at: '', type: 'warning', level: 'warn', step: null, text: 'x' }],
  lanes: [],
  best: null,
};

const event = (id: number) => ({ id, at: '', type: 'step', level: 'info' as const, step: id, text: '' });
const lane = (step: number) => ({ step, at: '', stepMs: 1, reduceMs: 0, optimizeMs: 0, lanes: [] });

test('adds what is new and nothing twice', () => {
  const update = {
    type: 'update' as const,
    curves: {
      trainLoss: [
        [1, 9],
        [2, 1],
      ] as Point[],
      classIou: [0.5, null],
      classIouStep: 10,
    },
    events: [event(3), event(4)],
    lanes: [lane(1)],
  };
  const once = withUpdate(empty, update);
  expect(once.curves.trainLoss).toEqual([
    [1, 2],
    [2, 1],
  ]);
  expect(once.curves.classIou).toEqual([
    [[10, 0.5]],
    [
      [5, 0.1],
      [10, null],
    ],
  ]);
  expect(once.events.map(({ id }) => id)).toEqual([3, 4]);
  expect(withUpdate(once, update)).toEqual(once);
});

test('stays bounded however long the run', () => {
  let points: Point[] = [];
  for (let step = 0; step < 5 * maxPoints; step++) points = appended(points, [[step, step]]);
  expect(points.length).toBeLessThanOrEqual(2 * maxPoints);
  expect([points[0], points.at(-1)]).toEqual([
    [0, 0],
    [5 * maxPoints - 1, 5 * maxPoints - 1],
  ]);
  const lanes = Array.from({ length: 200 }, (_, step) => lane(step + 1));
  const { lanes: kept } = withUpdate(empty, { type: 'update', curves: {}, events: [], lanes });
  expect([kept.length, kept.at(-1)!.step]).toEqual([maxLanes, 200]);
});

test('keeps evaluated steps rising and checkpoints once', () => {
  expect(withEvaluated(withEvaluated(empty, 5), 10).evaluatedSteps).toEqual([5, 10]);
  const message = { type: 'checkpoint' as const, step: 4, at: '', isBest: true };
  expect(withCheckpoint(withCheckpoint(empty, message), message).checkpoints).toHaveLength(1);
});
