import { type RunEvent, standingEvents } from '@unet-fleet/law';
import { describe, expect, it } from 'vitest';
import { trainingCurves } from './curves.ts';
import { decode, pixelAt } from './decode.test-helper.ts';
import { historyOf } from './history.ts';

const step = (number: number, loss: number, epoch = 1): RunEvent => ({
  type: 'step',
  epoch,
  stepInEpoch: number,
  step: number,
  loss,
  learningRate: 0.001,
  numImages: 1,
  gradientNorm: 1,
  stepMs: 1,
  numWorkers: 1,
});
const validated = (number: number, loss: number, isBest = true): RunEvent => ({
  type: 'validated',
  epoch: 1,
  step: number,
  loss,
  pixelAccuracy: 0.9,
  meanIou: 0.5,
  learningRate: 0.001,
  isBest,
});
const started = (numStepsDone: number): RunEvent => ({
  type: 'run-started',
  runId: 'r',
  runDir: 'r',
  brokerUrl: '',
  numStepsDone,
  numSteps: 10,
  numTrainPhotos: 1,
  numValidationPhotos: 1,
  numClasses: 2,
  numParameters: 1,
  numLeaves: 1,
});

describe('historyOf', () => {
  it('has the steps of a resumed run, where it went on, and the ends of its epochs', () => {
    const events = [
      started(0),
      step(1, 9),
      step(2, 8),
      validated(2, 7),
      step(3, 6),
      started(2),
      ...[step(3, 5, 2), step(4, 4, 2)],
    ];
    const history = historyOf(standingEvents(() => events));
    expect(history.steps.map(({ loss }) => loss)).toEqual([9, 8, 5, 4]);
    expect(history.validations.map(({ loss }) => loss)).toEqual([7]);
    expect(history.restarts).toEqual([2]);
    expect(history.epochEnds).toEqual([
      { epoch: 1, step: 2 },
      { epoch: 2, step: 4 },
    ]);
  });

  it('leaves out what is no number, as JSON makes NaN null', () => {
    const diverged = JSON.parse(JSON.stringify([step(1, 2), step(2, Number.NaN), validated(2, Number.NaN)]));
    expect(historyOf(diverged)).toMatchObject({ steps: [{ step: 1 }], validations: [] });
  });
});

describe('trainingCurves', () => {
  it('draws any run: none, one step, many, one that diverged', async () => {
    const many = Array.from({ length: 20_000 }, (_, i) =>
      step(i + 1, 1 + 1 / (i + 1), 1 + Math.floor(i / 1000)),
    );
    for (const events of [[], [step(1, 1)], many, [step(1, 0), step(2, Number.NaN), validated(2, 0)]]) {
      const image = await decode(await trainingCurves('<run> & co', events));
      expect([image.width, image.height]).toEqual([1120, 888]);
    }
  });

  it('has the loss high at first and low at last', async () => {
    const events = Array.from({ length: 100 }, (_, i) => step(i + 1, 10 - i * 0.09));
    const image = await decode(await trainingCurves('run', events));
    const rowOf = (x: number) => {
      for (let y = 102; y < 432; y++) {
        const [red, green, blue] = pixelAt(image, x, y) as [number, number, number];
        if (red < 60 && green > 80 && green < 150 && blue > 140) return y;
      }
      return -1;
    };
    const [early, late] = [rowOf(84 + 50), rowOf(84 + 950)];
    expect(early).toBeGreaterThan(102);
    expect(late - early).toBeGreaterThan(200);
  });
});
