/**
 * The core against a toy cluster: workers that join, die, repeat themselves and answer late, in an order drawn from a
 * seed. Whatever happens, every step is committed once, with every leaf once.
 */
import { initialEarlyStopping, type LeafSums, type TreeNode } from '@unet-fleet/law';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { awaited } from './awaited.ts';
import { config, leafSums, notFinite, start, ToyCluster } from './toy-cluster.test-helper.ts';
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
        const draw = (below: number) => numbers.next().value! % below;
        const cluster = new ToyCluster();
        let numJoined = 0;
        cluster.join(`w${numJoined++}`);
        cluster.run((length) => {
          const chance = draw(20);
          if (chance === 0 && numJoined < 12) cluster.join(`w${numJoined++}`);
          if (chance === 1 && cluster.state.members.length > 1) {
            const victim = cluster.state.members[draw(cluster.state.members.length)]!.workerId;
            cluster.dead.add(victim);
            cluster.feed({ type: 'worker-gone', workerId: victim, reason: 'killed', isFailure: true });
          }
          if (chance === 2 && length > 0) {
            // A message arrives twice; the second time now or after others.
            const twin = cluster.queue[draw(length)]!;
            if (twin.toString().includes('answer')) cluster.queue.push(twin);
          }
          return length > 0 ? draw(length) : 0;
        });
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

  const answerOf = (workerId: string, node: TreeNode, leaves: LeafSums[], version = 0) => ({
    type: 'result' as const,
    workerId,
    kind: 'train' as const,
    version,
    node,
    leaves,
    confusion: null,
  });

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

  /** Two workers, each with half of the leaves; leaves took 1 s each so far. */
  function pair(): ToyCluster {
    const cluster = new ToyCluster(start(), { minWorkers: 2 });
    cluster.join('a');
    cluster.join('b');
    cluster.state.config.minWorkers = 1;
    cluster.queue.length = 0;
    for (let version = 0; version < 3; version++) {
      for (const [index, worker] of ['a', 'b'].entries()) {
        cluster.now += 1_000;
        cluster.feed(answerOf(worker, { level: 1, index }, [leafSums(1), leafSums(1)], version));
      }
      cluster.queue.length = 0;
      for (const index of [0, 1]) {
        const node = { level: 1, index };
        cluster.feed({
          type: 'node-reduced',
          workerId: ['a', 'b'][index]!,
          version,
          node,
          transferMs: 1_000,
        });
      }
      cluster.feed({ type: 'committed', version, gradientNorm: 1 });
      cluster.queue.length = 0;
      if (version < 2) continue;
      for (const leaf of [0, 1, 2]) {
        cluster.feed({
          ...answerOf(leaf === 1 ? 'b' : 'a', { level: 0, index: leaf }, [leafSums(1)], 3),
          kind: 'validation',
          confusion: { indices: [0], counts: [1] },
        });
      }
      cluster.queue.length = 0;
    }
    return cluster;
  }

  it('gives the leaves of a late worker to an idle one as well, and the first answer counts', () => {
    const cluster = pair();
    expect(cluster.state.round).toMatchObject({ kind: 'train', version: 3 });
    cluster.now += 2_000;
    cluster.feed(answerOf('a', { level: 1, index: 0 }, [leafSums(1), leafSums(1)], 3));
    expect(cluster.of('lease-repeated')).toEqual([]);
    cluster.now += 4_000;
    cluster.feed({ type: 'heartbeat', workerId: 'b', leaseId: 99, isComputing: true });
    cluster.feed({ type: 'tick' });
    expect(cluster.of('lease-repeated')).toMatchObject([
      { worker: 'b', to: 'a', step: 4, leaves: 'leaves 2 to 3' },
    ]);
    cluster.feed(answerOf('b', { level: 1, index: 1 }, [leafSums(1), leafSums(1)], 3));
    const { leaves } = cluster.state.round!;
    expect(leaves).toEqual(['received', 'received', 'received', 'received']);
    cluster.feed(answerOf('a', { level: 1, index: 1 }, [leafSums(1), leafSums(1)], 3));
    expect(cluster.state.dropped.duplicate).toBe(1);
  });

  it('gives the leaves of a worker that was cut off to an idle one at once, and takes its answer if it comes first', () => {
    const cluster = pair();
    cluster.feed({ type: 'worker-disconnected', workerId: 'b' });
    expect(cluster.of('lease-repeated')).toEqual([]);
    cluster.feed(answerOf('a', { level: 1, index: 0 }, [leafSums(1), leafSums(1)], 3));
    expect(cluster.of('lease-repeated')).toMatchObject([{ worker: 'b', to: 'a' }]);
    cluster.feed(answerOf('b', { level: 1, index: 1 }, [leafSums(1), leafSums(1)], 3));
    expect(cluster.state.round!.leaves).toEqual(['received', 'received', 'received', 'received']);
    expect(cluster.of('worker-left')).toEqual([]);
  });

  it("does not take the pace of a slow worker for everybody's, because the others have answered only once", () => {
    const cluster = new ToyCluster(start(), { minWorkers: 4 });
    for (const worker of ['a', 'b', 'c', 'slow']) cluster.join(worker);
    for (const [index, worker] of ['a', 'b', 'c'].entries()) {
      cluster.now += 100;
      cluster.feed(answerOf(worker, { level: 0, index }, [leafSums(1)]));
    }
    cluster.now += 7_000;
    cluster.feed({ type: 'tick' });
    expect(cluster.of('lease-repeated')).toMatchObject([{ worker: 'slow' }]);
  });

  it('takes a worker that answers nothing but heartbeats for hung, and sets it aside when it happens again', () => {
    const cluster = pair();
    const beat = () => {
      for (const workerId of ['a', 'b'])
        cluster.feed({ type: 'heartbeat', workerId, leaseId: 0, isComputing: true });
      cluster.feed({ type: 'tick' });
    };
    for (let turn = 0; turn < 100 && cluster.of('worker-left').length === 0; turn++) {
      cluster.now += 1_000;
      beat();
    }
    expect(cluster.of('worker-left')[0]!.reason).toMatch(/its computation has hung for \d+ s/);
    const { worker } = cluster.of('worker-left')[0]!;
    cluster.join(worker);
    cluster.feed({ type: 'worker-gone', workerId: worker, reason: 'it crashed', isFailure: true });
    expect(cluster.of('worker-set-aside')).toMatchObject([
      { worker, reason: 'it crashed', numFailures: 2, pauseMs: 1_000 },
    ]);
  });

  it('lets a draining worker go when all that it has finished is with the reducers, and gives the rest to others at once', () => {
    const cluster = new ToyCluster(start(), { minWorkers: 2 });
    cluster.join('a');
    cluster.join('b');
    cluster.queue.length = 0;
    const finished = { level: 0, index: 0 };
    cluster.feed({ type: 'worker-draining', workerId: 'a', kind: 'train', version: 0, nodes: [finished] });
    expect(cluster.state.round!.leaves).toEqual(['leased', 'pending', 'leased', 'leased']);
    expect(cluster.released).toEqual([]);
    cluster.feed(answerOf('a', finished, [leafSums(1)]));
    expect(cluster.released).toEqual([]);
    cluster.run();
    expect(cluster.released).toEqual(['a']);
    expect(cluster.of('worker-left')[0]).toMatchObject({ worker: 'a', reason: 'it was asked to leave' });
  });

  it('asks a worker to leave once more, and gives it nothing, when it was removed for its silence and joins anew', () => {
    const cluster = pair();
    cluster.feed({ type: 'drain-requested', workerId: 'a', by: 'a person' });
    cluster.now += config.silenceMs + 1;
    cluster.feed({ type: 'heartbeat', workerId: 'b', leaseId: 0, isComputing: false });
    cluster.feed({ type: 'tick' });
    expect(cluster.state.members.map(({ workerId }) => workerId)).toEqual(['b']);
    cluster.askedToLeave.length = 0;
    cluster.join('a');
    expect(cluster.askedToLeave).toEqual(['a']);
    expect(cluster.state.members.map(({ workerId, lease }) => [workerId, lease !== null])).toEqual([
      ['b', true],
      ['a', false],
    ]);
    // Another process of that name was asked nothing.
    cluster.join('a2');
    expect(cluster.askedToLeave).toEqual(['a']);
  });

  it('takes nobody for lost while the broker is away, and lets time stand still', () => {
    const cluster = pair();
    cluster.feed({ type: 'broker-lost', reason: 'connection refused' });
    cluster.now += 600_000;
    cluster.feed({ type: 'tick' });
    expect(awaited(cluster.state)[0]).toMatchObject({ who: 'the broker', why: 'connection refused' });
    cluster.feed({ type: 'broker-back' });
    cluster.now += 1_000;
    cluster.feed({ type: 'tick' });
    expect(cluster.state.members).toHaveLength(2);
    expect(cluster.of('broker-back')).toEqual([{ type: 'broker-back', awayMs: 600_000 }]);
    expect(cluster.of('lease-repeated')).toEqual([]);
  });

  it('blames nobody for the time in which the coordinator itself stood still', () => {
    const cluster = pair();
    cluster.now += 60_000;
    cluster.feed({ type: 'stalled', forMs: 59_500 });
    cluster.feed({ type: 'tick' });
    expect(cluster.state.members).toHaveLength(2);
    expect(cluster.of('worker-late')).toEqual([]);
  });

  it('says of each worker what is awaited of it, until when, and what happens then', () => {
    const cluster = pair();
    expect(awaited(cluster.state)).toMatchObject([
      {
        who: 'a',
        what: 'leaves 0 to 1 of step 4',
        why: 'it computes',
        outcome: expect.stringMatching(/idle worker/),
      },
      { who: 'b', what: 'leaves 2 to 3 of step 4' },
    ]);
    const [first] = awaited(cluster.state);
    expect(first!.untilMs! - first!.sinceMs).toBeGreaterThan(2_000);
  });

  it('names a gradient that is being fetched, and why a member without a lease has none', () => {
    const cluster = pair();
    cluster.feed(answerOf('a', { level: 1, index: 0 }, [leafSums(1), leafSums(1)], 3));
    expect(awaited(cluster.state)).toMatchObject([
      { who: 'a', what: 'the gradient of leaves 0 to 1 of step 4', why: 'it is being fetched' },
      { who: 'b', what: 'leaves 2 to 3 of step 4' },
    ]);
    cluster.feed({ type: 'worker-gone', workerId: 'b', reason: 'killed', isFailure: true });
    const { members, round } = cluster.state;
    // What it was leased has been delivered by another meanwhile, and something else is to be done.
    round!.leaves = ['done', 'done', 'received', 'pending'];
    members[0]!.lease!.nodes = [{ level: 0, index: 2 }];
    expect(awaited(cluster.state)).toContainEqual(
      expect.objectContaining({ who: 'a', why: 'it computes what another worker has delivered' }),
    );
    Object.assign(members[0]!, { lease: null, overtakenAtMs: cluster.now });
    expect(awaited(cluster.state)).toContainEqual(
      expect.objectContaining({ who: 'a', why: 'it still computes for a round that is over' }),
    );
  });

  it('leases single leaves where handing over costs next to nothing beside computing', () => {
    const cluster = pair();
    cluster.state.transferMs = 10;
    cluster.feed({ type: 'worker-gone', workerId: 'b', reason: 'killed', isFailure: true });
    cluster.feed(answerOf('a', { level: 1, index: 0 }, [leafSums(1), leafSums(1)], 3));
    const [member] = cluster.state.members;
    expect(member!.lease!.nodes).toEqual([
      { level: 0, index: 2 },
      { level: 0, index: 3 },
    ]);
  });

  it.each([
    [60, 4],
    [90, 3],
    [150, 2],
    [250, 1],
  ])('of 4 leaves of 1 s each, handed over in %i ms each, makes %i parts', (transferMs, numParts) => {
    const cluster = new ToyCluster();
    cluster.state.transferMs = transferMs;
    cluster.state.leafTimes.train.medianMs = 1_000;
    cluster.join('a');
    expect(cluster.state.members[0]!.lease!.nodes).toHaveLength(numParts);
  });

  it('names a leaf whose gradient is far larger than those before it', () => {
    const cluster = new ToyCluster(start(), { plan: { ...config.plan, numTrainSamples: 80 } });
    cluster.join('a');
    cluster.queue.length = 0;
    for (let version = 0; version < 10; version++) {
      const leaves = [1, 2, 3, 4].map(leafSums);
      if (version === 9) leaves[2]!.gradientNorm = 100;
      const node = { level: 2, index: 0 };
      cluster.feed(answerOf('a', node, leaves, version));
      cluster.feed({ type: 'node-reduced', workerId: 'a', version, node, transferMs: 1_000 });
      cluster.feed({ type: 'committed', version, gradientNorm: 1 });
      cluster.queue.length = 0;
    }
    const outlier = { type: 'gradient-outlier', step: 10, leaf: 2, worker: 'a', norm: 100, median: 1 };
    expect(cluster.of('gradient-outlier')).toEqual([outlier]);
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
