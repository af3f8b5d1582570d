/**
 * The core against a toy cluster: workers that join, die, repeat themselves and answer late, in an order drawn from a
 * seed. Whatever happens, every step is committed once, with every leaf once.
 */
import {
  initialEarlyStopping,
  initialSchedule,
  leavesOf,
  type RunEvent,
  type TreeNode,
} from '@unet-fleet/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { handle } from './handle.ts';
import { initialState } from './state.ts';
import type { CoreConfig, CoreEvent, CoreState, Effect, Progress } from './types.ts';

const config: CoreConfig = {
  plan: { numTrainSamples: 23, numValidationSamples: 5, batchSize: 8, leafSize: 2, epochs: 2, seed: 1 },
  validateEvery: 0,
  checkpointEvery: 0,
  minWorkers: 1,
  numClasses: 2,
  silenceMs: 10_000,
  resendMs: 1_000,
  maxLeafAttempts: 50,
};

const schedule = {
  schedule: 'plateau',
  learningRate: 0.1,
  epochs: 2,
  plateauPatience: 2,
  plateauFactor: 0.1,
  stepEpochs: 1,
  stepFactor: 0.1,
  warmupSteps: 0,
  finalLearningRate: 0,
} as const;

const start = (): Progress => ({
  version: 0,
  validationPending: false,
  schedule: initialSchedule(schedule, 3),
  earlyStopping: initialEarlyStopping({ earlyStopping: 0 }),
  best: null,
});

/** Runs the core, answering its effects through a queue whose order `pick` decides. */
class ToyCluster {
  readonly state: CoreState;
  readonly events: RunEvent[] = [];
  readonly commits: { step: number; leaves: number[] }[] = [];
  readonly checkpoints: Progress[] = [];
  ending: string | null = null;
  now = 0;
  readonly queue: (() => void)[] = [];
  reduced: TreeNode[] = [];
  readonly dead = new Set<string>();

  constructor(progress = start(), overrides: Partial<CoreConfig> = {}) {
    this.state = initialState({ ...config, ...overrides }, progress);
  }

  feed(
    event: CoreEvent extends infer E ? (E extends { now: number } ? Omit<E, 'now'> : never) : never,
  ): void {
    for (const effect of handle(this.state, { ...event, now: this.now } as CoreEvent)) this.perform(effect);
  }

  join(workerId: string): void {
    this.feed({ type: 'worker-ready', workerId, name: workerId });
  }

  perform(effect: Effect): void {
    switch (effect.type) {
      case 'lease':
        for (const node of effect.nodes) this.queue.push(() => this.answer(effect, node));
        break;
      case 'reduce':
        this.queue.push(() => {
          this.reduced.push(effect.node);
          this.feed({ type: 'node-reduced', step: effect.step, node: effect.node });
        });
        break;
      case 'commit':
        this.commits.push({
          step: effect.step,
          leaves: this.reduced.flatMap((node) => leavesOf(node, effect.numLeaves)).sort((a, b) => a - b),
        });
        this.reduced = [];
        this.queue.push(() => this.feed({ type: 'committed', step: effect.step, gradientNorm: 1 }));
        break;
      case 'checkpoint':
        this.checkpoints.push(effect.progress);
        this.queue.push(() => this.feed({ type: 'checkpoint-written', step: effect.progress.version }));
        break;
      case 'emit':
        this.events.push(effect.event);
        break;
      case 'dismiss':
        break;
      case 'finish':
        this.ending = effect.reason;
        break;
      case 'fail':
        this.ending = effect.message;
        break;
    }
  }

  answer(lease: Extract<Effect, { type: 'lease' }>, node: TreeNode): void {
    if (this.dead.has(lease.workerId)) return;
    const round = this.state.round;
    const numLeaves = round?.leaves.length ?? 1;
    const isTrain = lease.kind === 'train';
    const sums = leavesOf(node, numLeaves).map((leaf) => ({ lossSum: leaf + 1, weightSum: 1 }));
    this.feed({
      type: 'result',
      workerId: lease.workerId,
      kind: lease.kind,
      step: lease.step,
      node,
      sums,
      confusion: isTrain ? null : { indices: [0], counts: [1] },
    });
  }

  /** Works the queue off; `pick` chooses the next entry. */
  run(pick: (length: number) => number = () => 0): void {
    for (let turn = 0; turn < 10_000 && this.ending === null; turn++) {
      if (this.queue.length === 0) {
        this.now += 500;
        this.feed({ type: 'tick' });
      }
      const [next] = this.queue.splice(pick(this.queue.length), 1);
      next?.();
    }
  }

  of<T extends RunEvent['type']>(type: T): Extract<RunEvent, { type: T }>[] {
    return this.events.filter((event) => event.type === type) as Extract<RunEvent, { type: T }>[];
  }
}

describe('core', () => {
  it('trains every sample of every epoch once, validates each epoch, and ends', () => {
    const cluster = new ToyCluster();
    cluster.join('a');
    cluster.join('b');
    cluster.run();
    expect(cluster.ending).toBe('completed');
    expect(cluster.commits).toEqual([
      { step: 0, leaves: [0, 1, 2, 3] },
      { step: 1, leaves: [0, 1, 2, 3] },
      { step: 2, leaves: [0, 1, 2, 3] },
      { step: 3, leaves: [0, 1, 2, 3] },
      { step: 4, leaves: [0, 1, 2, 3] },
      { step: 5, leaves: [0, 1, 2, 3] },
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
    cluster.feed({ type: 'worker-gone', workerId: 'a', reason: 'killed' });
    cluster.join('b');
    expect(leases[1]).toMatchObject({ workerId: 'b', step: 0, nodes: [{ level: 2, index: 0 }] });
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
            cluster.feed({ type: 'worker-gone', workerId: victim, reason: 'killed' });
          }
          if (chance === 2 && length > 0) {
            // A message arrives twice; the second time now or after others.
            const twin = cluster.queue[draw(length)]!;
            if (twin.toString().includes('answer')) cluster.queue.push(twin);
          }
          return length > 0 ? draw(length) : 0;
        });
        expect(cluster.ending).toBe('completed');
        expect(cluster.commits.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5]);
        for (const { leaves } of cluster.commits) expect(leaves).toEqual([0, 1, 2, 3]);
        expect(cluster.of('validated').map((event) => event.step)).toEqual([3, 6]);
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
    cluster.feed({ type: 'heartbeat', workerId: 'alive', leaseId: 0 });
    cluster.feed({ type: 'tick' });
    expect(effects).toContainEqual({ type: 'dismiss', workerId: 'silent' });
    expect(effects).toContainEqual(expect.objectContaining({ type: 'lease', workerId: 'alive', step: 0 }));
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
    cluster.feed({ type: 'heartbeat', workerId: 'a', leaseId: 1 });
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

  it('validates first when it goes on from a stop before a validation', () => {
    const cluster = new ToyCluster({ ...start(), version: 3, validationPending: true });
    cluster.join('a');
    cluster.run();
    expect(cluster.of('validated').map((event) => event.step)).toEqual([3, 6]);
    expect(cluster.commits.map(({ step }) => step)).toEqual([3, 4, 5]);
  });

  it('drops answers that are stale, repeated, malformed or of a stranger, and counts them', () => {
    const cluster = new ToyCluster();
    cluster.join('a');
    const result = {
      type: 'result' as const,
      workerId: 'a',
      kind: 'train' as const,
      step: 0,
      node: { level: 2, index: 0 },
      sums: [1, 2, 3, 4].map((lossSum) => ({ lossSum, weightSum: 1 })),
      confusion: null,
    };
    cluster.feed({ ...result, workerId: 'stranger' });
    cluster.feed({ ...result, step: 7 });
    cluster.feed({ ...result, sums: [] });
    cluster.feed({ ...result, node: { level: 9, index: 0 } });
    cluster.feed(result);
    cluster.feed(result);
    expect(cluster.state.dropped).toEqual({ stale: 1, duplicate: 1, stranger: 1, malformed: 2 });
  });

  it('ends with a sentence when a leaf is lost with its worker again and again', () => {
    const cluster = new ToyCluster(start(), { maxLeafAttempts: 3 });
    for (const workerId of ['a', 'b', 'c']) {
      cluster.join(workerId);
      cluster.feed({ type: 'worker-gone', workerId, reason: 'crashed' });
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

  it('ends the run with the leaf and step when a loss is not finite', () => {
    const cluster = new ToyCluster();
    cluster.join('a');
    cluster.feed({
      type: 'result',
      workerId: 'a',
      kind: 'train',
      step: 0,
      node: { level: 2, index: 0 },
      sums: [1, Number.NaN, 3, 4].map((lossSum) => ({ lossSum, weightSum: 1 })),
      confusion: null,
    });
    cluster.queue.shift();
    cluster.run();
    expect(cluster.ending).toMatch(/the loss of leaf 1 in step 1 is not a finite number/);
  });
});
