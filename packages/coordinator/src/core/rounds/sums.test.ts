/** The first pass of a loss that needs sums over the batch, in the core: the same totals whoever answers, and one step of two rounds. */
import { initialEarlyStopping, type LeafSums, totalsOf } from '@unet-fleet/law';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { awaited } from '../awaited.ts';
import { statusOf } from '../status.ts';
import { config, leafSums, notFinite, runWithLosses, start, ToyCluster } from '../toy-cluster.test-helper.ts';
import type { CoreConfig } from '../types.ts';

const { count, lossOf } = totalsOf('batch-dice')!;
const numTotals = count(config.numClasses);

/** Their sum depends on its order. */
const addendsOf = (leaf: number, version: number): number[] =>
  Array.from({ length: numTotals }, (_, i) => (leaf + 1) / 3 + 1e6 * (leaf % 2) + i / 7 + version / 3);
const firstSums = (leaf: number, version: number): LeafSums => ({
  ...{ lossSum: 0, weightSum: 0, gradientNorm: 0, isFinite: true },
  addends: addendsOf(leaf, version),
});

/** Of leaves 0 to 3, added in this order. */
const totalsOn = (version: number, leaves = [0, 1, 2, 3]): number[] =>
  leaves.reduce(
    (totals, leaf) => addendsOf(leaf, version).map((addend, i) => totals[i]! + addend),
    new Array<number>(numTotals).fill(0),
  );

function diceCluster(overrides: Partial<CoreConfig> = {}): ToyCluster {
  const cluster = new ToyCluster(start(), { loss: 'batch-dice', ...overrides });
  cluster.firstSums = firstSums;
  cluster.validationSums = firstSums;
  return cluster;
}

describe('a loss of two passes', () => {
  it('has each step begin with the sums of its leaves, which every lease of the gradients has', () => {
    const cluster = diceCluster();
    for (const workerId of ['a', 'b']) cluster.join(workerId);
    cluster.run();
    expect(cluster.ending).toBe('completed');
    expect(cluster.commits.map(({ version }) => version)).toEqual([0, 1, 2, 3, 4, 5]);
    const course = cluster.leases.map(({ kind, version }) => `${version} ${kind}`);
    expect([...new Set(course)].slice(0, 8)).toEqual([
      '0 sums',
      '0 train',
      '1 sums',
      '1 train',
      '2 sums',
      '2 train',
      '3 validation',
      '3 sums',
    ]);
    for (const { kind, version, firstPass } of cluster.leases) {
      expect(firstPass).toEqual(
        kind === 'train' ? { totals: totalsOn(version), skippedLeaves: [] } : undefined,
      );
    }
    expect(totalsOn(0, [3, 2, 1, 0])).not.toEqual(totalsOn(0));
    const [record] = cluster.records;
    expect(record!.firstPass!.totals).toEqual(totalsOn(0));
    expect(record!.firstPass!.answers.map(({ node }) => node)).toEqual(
      [0, 1, 2, 3].map((index) => ({ level: 0, index })),
    );
    expect(cluster.of('epoch-started').map(({ firstStep }) => firstStep)).toEqual([1, 1]);
  });

  it('has the same totals whoever dies and in whatever order answers come', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), (numbers) => {
        const cluster = diceCluster();
        runWithLosses(cluster, (below) => numbers.next().value! % below);
        expect(cluster.ending).toBe('completed');
        for (const { kind, version, firstPass } of cluster.leases) {
          if (kind === 'train') expect(firstPass!.totals).toEqual(totalsOn(version));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('has the loss of a validation of the totals of its leaves, in one pass', () => {
    const cluster = diceCluster();
    cluster.join('a');
    cluster.run();
    const { lossSum, weightSum } = lossOf(totalsOn(3, [0, 1, 2]));
    expect(cluster.of('validated')[0]).toMatchObject({ step: 3, loss: lossSum / weightSum });
  });

  it('finishes a step that has begun with its sums, though it is to pause or to stop', () => {
    for (const request of [{ type: 'pause-requested', by: 'me' }, { type: 'stop-requested' }] as const) {
      const cluster = diceCluster();
      cluster.join('a');
      cluster.feed(request);
      expect(statusOf(cluster.state, 0).state).toBe('training');
      expect(awaited(cluster.state).map(({ what }) => what)).toContain('leaves 0 to 3 of step 1');
      cluster.run((length) => {
        if (length === 0 && cluster.state.pause) cluster.feed({ type: 'stop-requested' });
        return 0;
      });
      expect([cluster.ending, cluster.commits.length]).toEqual(['stopped', 1]);
    }
  });

  it('takes no rate for a step that has begun with its sums', () => {
    const cluster = diceCluster();
    cluster.join('a');
    const intervention = { learningRate: 1, previousRate: null, at: '', by: 'me' };
    expect(() => cluster.feed({ type: 'learning-rate', intervention: { step: 1, ...intervention } })).toThrow(
      'has begun',
    );
    cluster.feed({ type: 'learning-rate', intervention: { step: 2, ...intervention } });
    cluster.run();
    expect(
      cluster
        .of('step')
        .map(({ learningRate }) => learningRate)
        .slice(0, 2),
    ).toEqual([0.1, 1]);
  });

  it('leaves a leaf whose part is not finite out of both passes, and tells it once', () => {
    const cluster = diceCluster({ onNonFinite: 'skip' });
    cluster.firstSums = (leaf, version) =>
      leaf === 1 && version === 0 ? notFinite : firstSums(leaf, version);
    cluster.join('a');
    cluster.run();
    expect(cluster.ending).toBe('completed');
    const train = cluster.leases.filter(({ kind, version }) => kind === 'train' && version === 0);
    expect(train.map(({ firstPass }) => firstPass)).toEqual([
      { totals: totalsOn(0, [0, 2, 3]), skippedLeaves: [1] },
    ]);
    expect(cluster.of('leaf-skipped')).toMatchObject([{ kind: 'sums', step: 1, leaf: 1, worker: 'a' }]);
    expect(cluster.records[0]!.skippedLeaves).toEqual([1]);
    expect(cluster.of('step')[0]!.loss).toBe((1 + 3 + 4) / 3);
  });

  it('ends the run where such a leaf is to end it', () => {
    const cluster = diceCluster();
    cluster.firstSums = () => notFinite;
    cluster.join('a');
    cluster.run();
    expect(cluster.ending).toMatch(/the loss of leaf 0 of step 1 is not a finite number \(computed by a\)/);
  });

  it.each([
    ['sums without the part of a leaf', 'sums', leafSums(0)],
    ['sums with parts of too many totals', 'sums', { ...firstSums(0, 0), addends: [...addendsOf(0, 0), 1] }],
    ['gradients with a part of the totals', 'train', firstSums(0, 0)],
    ['a gradient of a leaf that the first pass has left out', 'train', leafSums(1)],
  ] as const)('refuses %s', (_, kind, sums) => {
    const cluster = diceCluster({ onNonFinite: 'skip' });
    cluster.firstSums = (leaf, version) => (leaf === 0 ? notFinite : firstSums(leaf, version));
    cluster.join('a');
    if (kind === 'train') for (const answer of cluster.queue.splice(0)) answer();
    expect(cluster.state.round!.kind).toBe(kind);
    const node = { level: 0, index: 0 };
    cluster.feed({ type: 'result', workerId: 'a', kind, version: 0, node, leaves: [sums], confusion: null });
    expect(cluster.state.dropped.malformed).toBe(1);
  });

  it('drops sums that come when the gradients are computed, and settles them', () => {
    const cluster = diceCluster();
    cluster.join('a');
    const [late, ...others] = cluster.queue.splice(0);
    for (const answer of [late!, ...others]) answer();
    expect(cluster.state.round!.kind).toBe('train');
    late!();
    expect(cluster.state.dropped.stale).toBe(1);
    cluster.run();
    expect(cluster.ending).toBe('completed');
  });

  it('begins a step with its sums again when the coordinator has started anew', () => {
    const first = diceCluster();
    first.join('a');
    for (const answer of first.queue.splice(0)) answer();
    expect(first.state.round!.kind).toBe('train');
    const again = diceCluster();
    again.join('a');
    expect(again.leases.map(({ kind, version }) => [kind, version])).toEqual([['sums', 0]]);
    again.run();
    expect(again.leases.find(({ kind }) => kind === 'train')!.firstPass).toEqual(
      first.leases.find(({ kind }) => kind === 'train')!.firstPass,
    );
  });

  it('validates before the sums of the next step', () => {
    const progress = { ...start(), version: 3, validationPending: true };
    const cluster = new ToyCluster(
      { ...progress, earlyStopping: initialEarlyStopping({ earlyStopping: 0 }) },
      { loss: 'batch-dice' },
    );
    cluster.firstSums = firstSums;
    cluster.validationSums = firstSums;
    cluster.join('a');
    cluster.run();
    const kinds = cluster.leases.map(({ kind }) => kind);
    expect(kinds.slice(0, kinds.indexOf('train'))).toEqual(['validation', 'validation', 'sums']);
  });
});
