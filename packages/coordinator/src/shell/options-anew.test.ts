import { loadConfig } from '@unet-fleet/config/load';
import { type Config, initialEarlyStopping, initialSchedule, type Progress } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import { configNow, interventionFor, toldChange, withoutChanges } from './options-anew.ts';

/** Three steps an epoch, of which there are 2. */
const began = (flags: Record<string, string> = {}): Config =>
  loadConfig({ flags: { images: 'a', masks: 'b', epochs: '2', schedule: 'constant', ...flags } });
const plan = { numTrainSamples: 6, numValidationSamples: 1, batchSize: 2, leafSize: 1, epochs: 2, seed: 0 };

const progressAt = (version: number, config = began()): Progress => ({
  version,
  validationPending: false,
  schedule: initialSchedule(config.train, 3),
  earlyStopping: initialEarlyStopping(config.train),
  best: null,
});

const wishOf = (version: number, flags: Record<string, string>, now = began()) => ({
  ...{ root: '/run', now, plan, at: '2026-01-02T03:04:05Z', progress: progressAt(version, now) },
  wanted: began(flags),
});

test('what differs counts from the next step on, and is told with what it was', () => {
  const change = interventionFor(wishOf(6, { epochs: '4', learningRate: '0.01', earlyStopping: '3' }))!;
  expect(change).toEqual({
    step: 7,
    learningRate: 0.01,
    previousRate: null,
    options: { epochs: 4, learningRate: 0.01, earlyStopping: 3 },
    at: '2026-01-02T03:04:05Z',
    by: 'the command line',
  });
  const by = 'the command line';
  expect(toldChange(change, began())).toEqual([
    {
      type: 'options-changed',
      step: 7,
      changes: [
        { flag: '--epochs', from: 2, to: 4 },
        { flag: '--early-stopping', from: 0, to: 3 },
      ],
      by,
    },
    { type: 'learning-rate-changed', step: 7, from: 0.001, to: 0.01, by },
  ]);
  // A run that has not ended knows what the rate would have been.
  expect(interventionFor(wishOf(2, { learningRate: '0.01' }))).toMatchObject({
    step: 3,
    previousRate: 0.001,
  });
});

test('the same command again changes nothing, nor does one that knows nothing of a rate set by hand', () => {
  const flags = { epochs: '4', learningRate: '0.01' };
  const change = interventionFor(wishOf(6, flags))!;
  const byHand = { step: 9, learningRate: 0.5, previousRate: null, at: '', by: 'the page' };
  const now = configNow(began(), [change, byHand]);
  expect(interventionFor(wishOf(9, flags, now))).toBeNull();
  expect(interventionFor(wishOf(9, { ...flags, epochs: '5' }, now))).toMatchObject({
    options: { epochs: 5 },
  });
});

test('what may not be given anew still differs where the rest is left out', () => {
  const wanted = began({ epochs: '4', batchSize: '2', earlyStopping: '9' });
  expect(withoutChanges(wanted, began())).toEqual(began({ batchSize: '2' }));
});

test.each([
  [
    6,
    { learningRate: '0.01' },
    /has done all of its 2 epochs, so --learning-rate would change nothing: .*--epochs/,
  ],
  [6, { epochs: '1' }, /--epochs 1 is less than the run in \/run has done \(6 steps\): give at least 2/],
])('after step %i, %j is refused', (version, flags, sentence) => {
  expect(() => interventionFor(wishOf(version, flags))).toThrow(sentence);
});

test('a run may be ended with the epoch that it has done, and a cosine needs more steps than its warm-up', () => {
  expect(interventionFor(wishOf(3, { epochs: '1' }))).toMatchObject({ step: 4, options: { epochs: 1 } });
  const cosine = { schedule: 'cosine', warmupSteps: '5' };
  const wish = { ...wishOf(2, { ...cosine, epochs: '1' }, began(cosine)) };
  expect(() => interventionFor(wish)).toThrow(/warm-up of 5 steps must be shorter than the run, which has 3/);
});
