import type { RecordedEvent } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import { News } from './news.ts';

const at = '2026-01-02T03:04:05.000Z';
const step = (n: number): RecordedEvent => ({
  ...{ at, type: 'step', epoch: 1, stepInEpoch: n, step: n, loss: 1 / n, learningRate: 0.1, numImages: 4 },
  ...{ gradientNorm: 2, stepMs: 500, numWorkers: 1 },
});
const validated: RecordedEvent = {
  ...{ at, type: 'validated', epoch: 1, step: 2, loss: 0.5, pixelAccuracy: 0.9, meanIou: 0.4 },
  ...{ learningRate: 0.1, isBest: true, classIou: [0.4, null] },
};
const started = (numStepsDone: number) => ({ at, type: 'run-started', numStepsDone }) as RecordedEvent;
const shown = { id: 7, at, type: 'checkpoint', level: 'info', step: 2, text: 'kept' } as const;

test('is the points, sentences and messages since the last time, and then none', () => {
  const news = new News(2);
  expect(news.take()).toEqual([]);
  news.add(step(1), null);
  news.add(step(2), null);
  news.add(validated, null);
  news.add({ at, type: 'evaluation-kept', step: 2, numPictures: 6 }, null);
  const kept = {
    at,
    type: 'checkpoint',
    step: 2,
    path: '',
    isBest: true,
    sizeBytes: 1,
    snapshotMs: 1,
    writeMs: 1,
  } as const;
  news.add(kept, shown);
  const [update, ...others] = news.take();
  expect(update).toMatchObject({
    type: 'update',
    curves: {
      trainLoss: [
        [1, 1],
        [2, 0.5],
      ],
      meanIou: [[2, 0.4]],
      classIou: [0.4, null],
      classIouStep: 2,
    },
    events: [shown],
  });
  expect(others).toEqual([
    { type: 'evaluated', step: 2 },
    { type: 'checkpoint', step: 2, at, isBest: true },
  ]);
  expect(news.take()).toEqual([]);
  news.add(step(3), null);
  expect(news.take()).toMatchObject([{ curves: { trainLoss: [[3, 1 / 3]] }, events: [] }]);
});

test('is one word when what pages have no longer holds, or there is too much', () => {
  const news = new News(2);
  news.add(step(1), shown);
  news.add(started(0), shown);
  expect(news.take()).toHaveLength(1);
  news.add(step(2), shown);
  news.add(started(1), shown);
  news.add(step(2), shown);
  expect(news.take()).toEqual([{ type: 'behind' }]);
  for (let n = 1; n < 10_000; n++) news.add(step(n), null);
  expect(news.take()).toEqual([{ type: 'behind' }]);
  news.add(step(3), null);
  expect(news.take()).toMatchObject([{ type: 'update' }]);
});
