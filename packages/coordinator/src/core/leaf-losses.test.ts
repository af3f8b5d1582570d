/** Losses that are not finite, left out or of nothing, and the models that they choose: the core against a toy cluster. */
import { initialEarlyStopping, type LeafSums } from '@unet-fleet/law';
import { describe, expect, it } from 'vitest';
import { answerOf, config, leafSums, notFinite, start, ToyCluster } from './toy-cluster.test-helper.ts';

describe('the core, of losses', () => {
  it('ends the run with leaf, step and worker when a loss is not finite', () => {
    const cluster = new ToyCluster();
    cluster.join('a');
    const leaves = [leafSums(1), notFinite, leafSums(3), leafSums(4)];
    cluster.feed(answerOf('a', { level: 2, index: 0 }, leaves));
    expect(cluster.ending).toMatch(/leaf 1 of step 1 is not a finite number \(computed by a\)/);
  });

  it('leaves a leaf that is not finite out where it is told to, and says so in the record', () => {
    const cluster = new ToyCluster(start(), { onNonFinite: 'skip' });
    cluster.join('a');
    cluster.queue.length = 0;
    const leaves = [leafSums(1), notFinite, leafSums(3), leafSums(4)];
    cluster.feed(answerOf('a', { level: 2, index: 0 }, leaves));
    cluster.run();
    expect(cluster.ending).toBe('completed');
    expect(cluster.of('step')[0]!.loss).toBe((1 + 3 + 4) / 3);
    expect(cluster.records[0]!.skippedLeaves).toEqual([1]);
    expect(cluster.records[1]!.skippedLeaves).toEqual([]);
    expect(cluster.of('leaf-skipped')).toMatchObject([{ kind: 'train', step: 1, leaf: 1, worker: 'a' }]);
  });

  it('goes on with a leaf that was computed again in float32, and tells of it once', () => {
    const cluster = new ToyCluster(start(), { onNonFinite: 'retry-float32' });
    cluster.join('a');
    cluster.queue.length = 0;
    const leaves = [leafSums(1), { ...leafSums(2), isRetried: true }, leafSums(3), leafSums(4)];
    const answer = answerOf('a', { level: 2, index: 0 }, leaves);
    cluster.feed(answer);
    cluster.feed(answer);
    cluster.run();
    expect(cluster.ending).toBe('completed');
    expect(cluster.of('step')[0]!.loss).toBe((1 + 2 + 3 + 4) / 4);
    expect(cluster.records[0]!.skippedLeaves).toEqual([]);
    expect(cluster.of('leaf-retried')).toMatchObject([{ kind: 'train', step: 1, leaf: 1, worker: 'a' }]);
  });

  it('ends the run where float32 does not help', () => {
    const cluster = new ToyCluster(start(), { onNonFinite: 'retry-float32' });
    cluster.join('a');
    const leaves = [leafSums(1), { ...notFinite, isRetried: true }, leafSums(3), leafSums(4)];
    cluster.feed(answerOf('a', { level: 2, index: 0 }, leaves));
    expect(cluster.ending).toMatch(/leaf 1 of step 1 is not a finite number \(computed by a\)/);
    expect(cluster.of('leaf-retried')).toEqual([]);
  });

  const ignored: LeafSums = { lossSum: 0, weightSum: 0, gradientNorm: 0, isFinite: true };

  /** Validated after steps 3, 6, 9 and 12, of 3 leaves each. */
  function validatedAs(sums: (leaf: number, version: number) => LeafSums, earlyStopping = 0): ToyCluster {
    const progress = { ...start(), earlyStopping: initialEarlyStopping({ earlyStopping }) };
    const plan = { ...config.plan, epochs: 4 };
    const cluster = new ToyCluster(progress, { plan, onNonFinite: 'skip' });
    cluster.validationSums = sums;
    cluster.join('a');
    cluster.run();
    return cluster;
  }

  it.each([
    ['each of its pixels is ignored', ignored],
    ['the loss of each of its leaves is not a finite number', notFinite],
  ])('gives a validation of which nothing counts no score: %s', (why, nothing) => {
    // The best possible loss, were it one, and then twice no score after a good one.
    const cluster = validatedAs((leaf, version) => (version === 6 ? leafSums(leaf + 1) : nothing), 1);
    const none = { loss: null, meanIou: null, pixelAccuracy: null, classIou: [null, null], isBest: false };
    expect(cluster.of('validated')).toMatchObject([none, { loss: 2, isBest: true }, none, none]);
    expect(cluster.of('warning').map(({ message }) => message)).toEqual(
      [3, 9, 12].map((step) => expect.stringContaining(`the validation of step ${step} has no score`)),
    );
    expect(cluster.of('warning')[0]!.message).toContain(why);
    const [first, best, ...after] = cluster.checkpoints;
    expect(first).toMatchObject({
      ...start(),
      version: 3,
      earlyStopping: { best: null, numBadValidations: 0 },
    });
    expect(best!.best).toEqual({ step: 6, loss: 2, meanIou: 1 });
    // Neither the schedule nor early stopping has seen anything, so the run goes on to its end.
    for (const later of after) expect(later).toEqual({ ...best, version: later.version });
    expect(cluster.ending).toBe('completed');
  });

  it('takes a model that fails on fewer photos for the better one, whatever its loss of the others', () => {
    const losses = [9, 1, 5, 4];
    const numFailing = [1, 2, 0, 0];
    const cluster = validatedAs((leaf, version) =>
      leaf < numFailing[version / 3 - 1]! ? notFinite : leafSums(losses[version / 3 - 1]!),
    );
    expect(cluster.of('validated').map(({ loss, isBest }) => [loss, isBest])).toEqual([
      [9, true],
      [1, false],
      [5, true],
      [4, true],
    ]);
    expect(cluster.checkpoints[0]!.best).toMatchObject({ step: 3, numSkippedLeaves: 1 });
  });

  it('gives a step of which nothing counts no loss', () => {
    const cluster = new ToyCluster();
    cluster.join('a');
    cluster.queue.length = 0;
    cluster.feed(answerOf('a', { level: 2, index: 0 }, [ignored, ignored, ignored, ignored]));
    cluster.run();
    expect(cluster.of('step')[0]!.loss).toBeNull();
  });
});
