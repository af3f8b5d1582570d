/** A toy cluster for tests of the core: it answers the core's effects through a queue whose order the test decides. */
import {
  initialEarlyStopping,
  initialSchedule,
  type LeafSums,
  leavesOf,
  type Progress,
  type RunEvent,
  type StepRecord,
  type TreeNode,
} from '@unet-fleet/law';
import { handle } from './handle.ts';
import { initialState } from './state.ts';
import type { CoreConfig, CoreEvent, CoreState, CountedAnswer, Effect } from './types.ts';

export const config: CoreConfig = {
  plan: { numTrainSamples: 23, numValidationSamples: 5, batchSize: 8, leafSize: 2, epochs: 2, seed: 1 },
  validateEvery: 0,
  checkpointEvery: 0,
  minWorkers: 1,
  numClasses: 2,
  loss: 'cross-entropy',
  silenceMs: 10_000,
  resendMs: 1_000,
  maxLeafAttempts: 50,
  stopMs: 15_000,
  checkpointMs: 0,
  onCheckpointFailure: 'continue',
  onNonFinite: 'stop',
};

export const leafSums = (lossSum: number): LeafSums => ({
  lossSum,
  weightSum: 1,
  gradientNorm: 1,
  isFinite: true,
});
export const notFinite: LeafSums = { lossSum: 0, weightSum: 0, gradientNorm: 0, isFinite: false };

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

export const start = (): Progress => ({
  version: 0,
  validationPending: false,
  schedule: initialSchedule(schedule, 3),
  earlyStopping: initialEarlyStopping({ earlyStopping: 0 }),
  best: null,
});

/** Runs the core, answering its effects through a queue whose order `pick` decides. */
export class ToyCluster {
  readonly state: CoreState;
  readonly events: RunEvent[] = [];
  readonly commits: { version: number; leaves: number[] }[] = [];
  readonly checkpoints: Progress[] = [];
  ending: string | null = null;
  now = 0;
  readonly queue: (() => void)[] = [];
  reduced: TreeNode[] = [];
  readonly dead = new Set<string>();
  readonly records: StepRecord[] = [];
  readonly counted: CountedAnswer[] = [];
  readonly released: string[] = [];
  readonly askedToLeave: string[] = [];
  /** What a leaf of the validation of a version comes to. */
  validationSums = (leaf: number, _version: number): LeafSums => leafSums(leaf + 1);
  /** And a leaf of the first pass over a step. */
  firstSums = (_leaf: number, _version: number): LeafSums => leafSums(1);
  readonly leases: Extract<Effect, { type: 'lease' }>[] = [];
  /** As dear as a leaf: then the highest nodes are leased. */
  transferMs = 1_000;

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
        this.leases.push(effect);
        for (const node of effect.nodes) this.queue.push(() => this.answer(effect, node));
        break;
      case 'reduce':
        this.queue.push(() => {
          this.reduced.push(effect.node);
          const { workerId, version, node } = effect;
          this.feed({ type: 'node-reduced', workerId, version, node, transferMs: this.transferMs });
        });
        break;
      case 'commit':
        this.commits.push({
          version: effect.version,
          leaves: this.reduced.flatMap((node) => leavesOf(node, effect.numLeaves)).sort((a, b) => a - b),
        });
        this.reduced = [];
        this.queue.push(() => this.feed({ type: 'committed', version: effect.version, gradientNorm: 1 }));
        break;
      case 'checkpoint':
        this.checkpoints.push(effect.progress);
        this.queue.push(() =>
          this.feed({
            type: 'checkpoint-written',
            version: effect.progress.version,
            isFinal: effect.isFinal,
          }),
        );
        break;
      case 'emit':
        this.events.push(effect.event);
        break;
      case 'record':
        this.records.push(effect.record);
        break;
      case 'counted':
        this.counted.push(effect.answer);
        break;
      case 'release':
        this.released.push(effect.workerId);
        break;
      case 'drain':
        this.askedToLeave.push(effect.workerId);
        break;
      case 'settle':
      case 'dismiss':
      case 'forget':
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
    const sumsOf = {
      train: (leaf: number) =>
        lease.firstPass?.skippedLeaves.includes(leaf) ? notFinite : leafSums(leaf + 1),
      sums: this.firstSums,
      validation: this.validationSums,
    }[lease.kind];
    const leaves = leavesOf(node, numLeaves).map((leaf) => sumsOf(leaf, lease.version));
    const hasPixels = leaves.some(({ weightSum, addends }) => weightSum > 0 || addends);
    this.feed({
      type: 'result',
      workerId: lease.workerId,
      kind: lease.kind,
      version: lease.version,
      node,
      leaves,
      confusion:
        lease.kind !== 'validation'
          ? null
          : hasPixels
            ? { indices: [0], counts: [1] }
            : { indices: [], counts: [] },
      ...(lease.kind === 'validation' && {
        pictures: [{ sample: node.index, classes: Uint8Array.of(lease.version) }],
      }),
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

/** A worker's answer for a node of a training step, with the sums of its leaves. */
export const answerOf = (workerId: string, node: TreeNode, leaves: LeafSums[], version = 0) => ({
  type: 'result' as const,
  workerId,
  kind: 'train' as const,
  version,
  node,
  leaves,
  confusion: null,
});

/** Runs to the end while workers join and die and answers come twice, in the order that `draw` (below a number) decides. */
export function runWithLosses(cluster: ToyCluster, draw: (below: number) => number): void {
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
}
