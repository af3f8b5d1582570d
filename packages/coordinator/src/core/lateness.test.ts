/** Who is late, slow, hung, silent or cut off, and what is said of what is awaited: the core against a toy cluster. */
import { describe, expect, it } from 'vitest';
import { awaited } from './awaited.ts';
import { answerOf, config, leafSums, start, ToyCluster } from './toy-cluster.test-helper.ts';

describe('the core, of workers that are late', () => {
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
});
