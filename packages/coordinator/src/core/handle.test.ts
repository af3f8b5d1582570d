/**
 * The core against a toy cluster: workers that join, die, repeat themselves and answer late, in an order drawn from a
 * seed. Whatever happens, every step is committed once, with every leaf once.
 */
import { initialEarlyStopping } from '@unet-fleet/law';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { config, leafSums, runWithLosses, start, ToyCluster } from './toy-cluster.test-helper.ts';
import type { Effect } from './types.ts';

describe('core', () => {
  it('trains every sample of every epoch once, validates each epoch, and ends', () => {
    const cluster = new ToyCluster();
    cluster.join('a');
    cluster.join('b');
    cluster.run();
    expect(cluster.ending).toBe('completed');
    expect(cluster.commits).toEqual([
      { version: 0, leaves: [0, 1, 2, 3] },
      { version: 1, leaves: [0, 1, 2, 3] },
      { version: 2, leaves: [0, 1, 2, 3] },
      { version: 3, leaves: [0, 1, 2, 3] },
      { version: 4, leaves: [0, 1, 2, 3] },
      { version: 5, leaves: [0, 1, 2, 3] },
    ]);
    expect(cluster.of('step').map((event) => event.numImages)).toEqual([8, 8, 7, 8, 8, 7]);
    expect(cluster.of('validated').map((event) => event.step)).toEqual([3, 6]);
    expect(cluster.of('step')[0]!.loss).toBe((1 + 2 + 3 + 4) / 4);
  });

  it('deals the leaves of a step out as the highest aligned nodes', () => {
    const cluster = new ToyCluster();
    const leases: Effect[] = [];
    const perform = cluster.perform.bind(cluster);
    cluster.perform = (effect) => {
      if (effect.type === 'lease') leases.push(effect);
      perform(effect);
    };
    cluster.join('a');
    expect(leases).toMatchObject([{ workerId: 'a', nodes: [{ level: 2, index: 0 }] }]);
    cluster.feed({ type: 'worker-gone', workerId: 'a', reason: 'killed', isFailure: true });
    cluster.join('b');
    expect(leases[1]).toMatchObject({ workerId: 'b', version: 0, nodes: [{ level: 2, index: 0 }] });
  });

  it('commits every step once with every leaf once, whoever dies and in whatever order answers come', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), (numbers) => {
        const cluster = new ToyCluster();
        runWithLosses(cluster, (below) => numbers.next().value! % below);
        expect(cluster.ending).toBe('completed');
        expect(cluster.commits.map(({ version }) => version)).toEqual([0, 1, 2, 3, 4, 5]);
        for (const { leaves } of cluster.commits) expect(leaves).toEqual([0, 1, 2, 3]);
        expect(cluster.of('validated').map((event) => event.step)).toEqual([3, 6]);
        const shown = cluster.counted.map(({ version, node }) => `${version}: ${node.index}`);
        expect(shown.sort()).toEqual(['3: 0', '3: 1', '3: 2', '6: 0', '6: 1', '6: 2']);
        for (const { version, node, pictures } of cluster.counted) {
          expect(pictures).toEqual([{ sample: node.index, classes: Uint8Array.of(version) }]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('leases again what a silent worker held, and tells it to join anew', () => {
    const cluster = new ToyCluster();
    cluster.join('silent');
    cluster.queue.length = 0;
    const effects: Effect[] = [];
    const perform = cluster.perform.bind(cluster);
    cluster.perform = (effect) => {
      effects.push(effect);
      perform(effect);
    };
    cluster.now = 9_000;
    cluster.join('alive');
    cluster.now = 10_001;
    cluster.feed({ type: 'heartbeat', workerId: 'alive', leaseId: 0, isComputing: false });
    cluster.feed({ type: 'tick' });
    expect(effects).toContainEqual({ type: 'dismiss', workerId: 'silent', heard: 0 });
    expect(effects).toContainEqual(expect.objectContaining({ type: 'lease', workerId: 'alive', version: 0 }));
  });

  it('sends a lease again until its worker has confirmed it', () => {
    const cluster = new ToyCluster();
    cluster.join('a');
    cluster.queue.length = 0;
    const leases: Effect[] = [];
    cluster.perform = (effect) => {
      if (effect.type === 'lease') leases.push(effect);
    };
    cluster.now = 2_000;
    cluster.feed({ type: 'tick' });
    expect(leases).toHaveLength(1);
    cluster.feed({ type: 'heartbeat', workerId: 'a', leaseId: 1, isComputing: true });
    cluster.now = 4_000;
    cluster.feed({ type: 'tick' });
    expect(leases).toHaveLength(1);
  });

  it('stops on request after the step under way, with a checkpoint of it', () => {
    const cluster = new ToyCluster();
    cluster.join('a');
    cluster.feed({ type: 'stop-requested' });
    cluster.run();
    expect(cluster.ending).toBe('stopped');
    expect(cluster.checkpoints).toMatchObject([{ version: 1, validationPending: false }]);
  });

  it('has ended for good once early stopping has ended it, whatever else was asked of it at that moment', () => {
    const patient = { ...start(), earlyStopping: initialEarlyStopping({ earlyStopping: 1 }) };
    const longer = { plan: { ...config.plan, epochs: 9 } };
    const first = new ToyCluster(patient, longer);
    first.join('a');
    first.run(() => {
      // The loss is the same at each validation: the second, after step 6, is one without improvement.
      if (first.state.progress.version === 5)
        first.feed({ type: 'stop-after-epoch', isWanted: true, by: 'me' });
      return 0;
    });
    expect([first.ending, first.checkpoints.at(-1)!.version]).toEqual(['early-stopping', 6]);
    const again = new ToyCluster(first.checkpoints.at(-1)!, longer);
    again.join('a');
    again.run();
    const same = [first.checkpoints.at(-1)];
    expect([again.ending, again.commits, again.checkpoints]).toEqual(['early-stopping', [], same]);
  });

  it('validates first when it goes on from a stop before a validation', () => {
    const cluster = new ToyCluster({ ...start(), version: 3, validationPending: true });
    cluster.join('a');
    cluster.run();
    expect(cluster.of('validated').map((event) => event.step)).toEqual([3, 6]);
    expect(cluster.commits.map(({ version }) => version)).toEqual([3, 4, 5]);
  });

  it('drops answers that are stale, repeated, malformed or of a stranger, and counts them', () => {
    const cluster = new ToyCluster();
    cluster.join('a');
    const result = {
      type: 'result' as const,
      workerId: 'a',
      kind: 'train' as const,
      version: 0,
      node: { level: 2, index: 0 },
      leaves: [1, 2, 3, 4].map(leafSums),
      confusion: null,
    };
    cluster.feed({ ...result, workerId: 'stranger' });
    cluster.feed({ ...result, version: 7 });
    cluster.feed({ ...result, leaves: [] });
    cluster.feed({ ...result, node: { level: 9, index: 0 } });
    cluster.feed(result);
    cluster.feed(result);
    cluster.join('twin');
    cluster.feed({ ...result, workerId: 'twin' });
    const dropped = { stale: 1, duplicate: 1, stranger: 1, malformed: 2, unavailable: 0 };
    expect(cluster.state.dropped).toEqual(dropped);
  });

  it('ends with a sentence when a leaf is lost with its worker again and again', () => {
    const cluster = new ToyCluster(start(), { maxLeafAttempts: 3 });
    for (const workerId of ['a', 'b', 'c']) {
      cluster.join(workerId);
      cluster.feed({ type: 'worker-gone', workerId, reason: 'crashed', isFailure: true });
    }
    expect(cluster.ending).toMatch(/leaf 0 of step 1 was lost with its worker 3 times/);
  });

  it('says once that it waits for workers', () => {
    const cluster = new ToyCluster(start(), { minWorkers: 2 });
    cluster.feed({ type: 'tick' });
    cluster.feed({ type: 'tick' });
    cluster.join('a');
    expect(cluster.of('waiting').map((event) => event.reason)).toEqual([
      '0 of at least 2 workers are here',
      '1 of at least 2 workers are here',
    ]);
  });

  it('goes on without a checkpoint that could not be written, but not without the last one', () => {
    const cluster = new ToyCluster(start(), { checkpointEvery: 1 });
    const failed = { type: 'checkpoint-failed', message: 'the disk is full' } as const;
    cluster.join('a');
    cluster.feed({ ...failed, version: 1, isFinal: false });
    expect(cluster.ending).toBeNull();
    expect(cluster.of('checkpoint-failed')).toMatchObject([{ step: 1, message: 'the disk is full' }]);
    cluster.run();
    expect(cluster.ending).toBe('completed');
    const last = new ToyCluster({ ...start(), version: 6 });
    last.feed({ type: 'tick' });
    last.feed({ ...failed, version: 6, isFinal: true });
    expect(last.ending).toBe('the disk is full');
  });

  it('makes a checkpoint when the time for one has come', () => {
    const cluster = new ToyCluster(start(), { checkpointMs: 5_000 });
    cluster.join('a');
    const picks = (length: number) => {
      cluster.now += 1_000;
      return Math.max(0, length - 1);
    };
    cluster.run(picks);
    const versions = cluster.checkpoints.map(({ version }) => version);
    expect(versions.filter((version) => version % 3 !== 0).length).toBeGreaterThan(0);
  });

  it('ends with the step before when the one under way takes longer than a stop may', () => {
    const cluster = new ToyCluster();
    cluster.join('a');
    cluster.queue.length = 0;
    cluster.feed({ type: 'stop-requested' });
    cluster.now += 14_999;
    cluster.feed({ type: 'heartbeat', workerId: 'a', leaseId: 1, isComputing: true });
    // A second signal does not begin the time anew.
    cluster.feed({ type: 'stop-requested' });
    expect(cluster.checkpoints).toEqual([]);
    cluster.now += 1;
    cluster.feed({ type: 'tick' });
    cluster.run();
    expect(cluster.ending).toBe('stopped');
    expect(cluster.checkpoints).toMatchObject([{ version: 0 }]);
  });

  it('ends at once when it is asked to stop and nobody is left to finish the step', () => {
    const cluster = new ToyCluster();
    cluster.join('a');
    cluster.queue.length = 0;
    cluster.feed({ type: 'stop-requested' });
    expect(cluster.checkpoints).toEqual([]);
    cluster.feed({ type: 'worker-gone', workerId: 'a', reason: 'killed', isFailure: true });
    cluster.run();
    expect(cluster.ending).toBe('stopped');
  });
});
