/**
 * What a worker holds while it is a member of a run under one term: data, engine, weights, and the means to compute a
 * node and hand it over. Made anew when the coordinator starts again; the engine and the sample cache are kept.
 */
import {
  type BulkOutbox,
  leavesOf,
  numValidationLeaves,
  type PlanConfig,
  stepPlan,
  type TreeNode,
  type WorkerTimings,
} from '@unet-fleet/shared';
import type { ComputeThread } from '../engine/compute-thread.ts';
import type { LeasedWork, ResultMessage } from '../session/types.ts';
import type { Batches } from './batches.ts';
import type { NodeComputer } from './nodes.ts';
import type { Weights } from './weights.ts';

export interface MemberOptions {
  term: number;
  plan: PlanConfig;
  numClasses: number;
  compute: ComputeThread;
  batches: Batches;
  nodes: NodeComputer;
  weights: Weights;
  outbox: BulkOutbox;
}

/** The lease was overtaken while it was computed: its result would be dropped. */
export class Overtaken extends Error {}

export class Member {
  readonly #options: MemberOptions;

  constructor(options: MemberOptions) {
    this.#options = options;
  }

  /**
   * Computes a node of a lease. `isCurrent` is asked between leaves, so that no time goes into a round that is over.
   * Rejects with Overtaken, FetchError (weights gone), or what data and engine throw.
   */
  async compute(lease: LeasedWork, node: TreeNode, isCurrent: () => boolean): Promise<ResultMessage> {
    const timings: WorkerTimings = { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0 };
    const { weights, compute } = this.#options;
    await timed(timings, 'fetchMs', async () => {
      if (await weights.update(lease.step)) await compute.setWeights(weights.parameters, weights.statistics);
    });
    const check = () => {
      if (!isCurrent()) throw new Overtaken();
    };
    return lease.kind === 'train'
      ? this.#train(lease, node, timings, check)
      : this.#validate(lease, node, timings, check);
  }

  forgetBefore(step: number): void {
    this.#options.nodes.forgetBefore(step, this.#options.outbox);
  }

  async #train(
    lease: LeasedWork,
    node: TreeNode,
    timings: WorkerTimings,
    check: () => void,
  ): Promise<ResultMessage> {
    const { plan, compute, batches, nodes, outbox, term } = this.#options;
    const step = stepPlan(plan, lease.step);
    const sum = await nodes.sum(node, step.numLeaves, async (leaf, gradients, statistics) => {
      check();
      const batch = await timed(timings, 'dataMs', () => batches.train(step, leaf));
      batches.expectTrain(lease.step, lease.nodes, leaf);
      return timed(timings, 'computeMs', () => compute.trainLeaf(batch, gradients, statistics));
    });
    await timed(timings, 'sendMs', async () => nodes.offer(term, lease.step, node, sum, outbox));
    return {
      type: 'result',
      term,
      kind: 'train',
      step: lease.step,
      node,
      sums: sum.leaves.map(({ loss }) => [loss.lossSum, loss.weightSum]),
      confusion: null,
      timings,
    };
  }

  async #validate(
    lease: LeasedWork,
    node: TreeNode,
    timings: WorkerTimings,
    check: () => void,
  ): Promise<ResultMessage> {
    const { plan, compute, batches, term, numClasses } = this.#options;
    const [leaf] = leavesOf(node, numValidationLeaves(plan));
    check();
    const batch = await timed(timings, 'dataMs', () => batches.validation(leaf!));
    batches.expectValidation(leaf! + 1);
    const confusion = new Float64Array(numClasses * numClasses);
    const loss = await timed(timings, 'computeMs', () => compute.evaluateLeaf(batch, confusion));
    const indices = Array.from(confusion.keys()).filter((cell) => confusion[cell] !== 0);
    return {
      type: 'result',
      term,
      kind: 'validation',
      step: lease.step,
      node,
      sums: [[loss.lossSum, loss.weightSum]],
      confusion: { indices, counts: indices.map((cell) => confusion[cell]!) },
      timings,
    };
  }
}

async function timed<T>(
  timings: WorkerTimings,
  part: keyof WorkerTimings,
  work: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  try {
    return await work();
  } finally {
    timings[part] += performance.now() - start;
  }
}
