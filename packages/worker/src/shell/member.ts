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
import { validationLeafSums } from './leaf-sums.ts';
import { Interrupted, type NodeComputer, type NodeSum } from './nodes.ts';
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

/**
 * What is to become of a computation, asked before every leaf. hand-over: the rest of the node is not wanted of this
 * worker, what is finished is; drop: nothing of it is wanted any more.
 */
export type Demand = 'go-on' | 'hand-over' | 'drop';

/** Ends a computation whose finished parts are wanted. */
class HandOver extends Error {}

export class Member {
  readonly #options: MemberOptions;

  constructor(options: MemberOptions) {
    this.#options = options;
  }

  /**
   * Computes a node of a lease: one result, or on `hand-over` one for each of its parts that are finished, which may
   * be none. Rejects with Overtaken on `drop`, with FetchError (weights gone), or with what data and engine throw.
   */
  async compute(lease: LeasedWork, node: TreeNode, demand: () => Demand): Promise<ResultMessage[]> {
    const timings: WorkerTimings = { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0 };
    const { weights, compute } = this.#options;
    await timed(timings, 'fetchMs', async () => {
      if (await weights.update(lease.step)) await compute.setWeights(weights.parameters, weights.statistics);
    });
    const check = () => {
      const now = demand();
      if (now === 'drop') throw new Overtaken();
      if (now === 'hand-over') throw new HandOver();
    };
    try {
      return await (lease.kind === 'train'
        ? this.#train(lease, node, timings, check)
        : this.#validate(lease, node, timings, check));
    } catch (error) {
      if (error instanceof HandOver) return [];
      throw error;
    }
  }

  forgetBefore(step: number): void {
    this.#options.nodes.forgetBefore(step, this.#options.outbox);
  }

  async #train(
    lease: LeasedWork,
    node: TreeNode,
    timings: WorkerTimings,
    check: () => void,
  ): Promise<ResultMessage[]> {
    const { plan, compute, batches, nodes, outbox, term } = this.#options;
    const step = stepPlan(plan, lease.step);
    const sums = await this.#wanted(
      nodes.sum(node, step.numLeaves, async (leaf, gradients, statistics) => {
        check();
        const batch = await timed(timings, 'dataMs', () => batches.train(step, leaf));
        batches.expectTrain(lease.step, lease.nodes, leaf);
        return timed(timings, 'computeMs', () => compute.trainLeaf(batch, gradients, statistics));
      }),
    );
    await timed(timings, 'sendMs', async () => {
      for (const sum of sums) nodes.offer(term, lease.step, sum, outbox);
    });
    return sums.map((sum, i) => ({
      type: 'result',
      term,
      kind: 'train',
      step: lease.step,
      node: sum.node,
      leaves: sum.leaves.map((leaf) => leaf.sums),
      confusion: null,
      // Of all of them together.
      timings: i === 0 ? timings : { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0 },
    }));
  }

  /** The node, or the parts of it that are there when it is handed over. */
  async #wanted(computed: Promise<NodeSum>): Promise<NodeSum[]> {
    try {
      return [await computed];
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      if (error.cause instanceof HandOver) return error.finished;
      for (const sum of error.finished) this.#options.nodes.release(sum);
      throw error.cause;
    }
  }

  async #validate(
    lease: LeasedWork,
    node: TreeNode,
    timings: WorkerTimings,
    check: () => void,
  ): Promise<ResultMessage[]> {
    const { plan, compute, batches, term, numClasses } = this.#options;
    const [leaf] = leavesOf(node, numValidationLeaves(plan));
    check();
    const batch = await timed(timings, 'dataMs', () => batches.validation(leaf!));
    batches.expectValidation(leaf! + 1);
    const confusion = new Float64Array(numClasses * numClasses);
    const loss = await timed(timings, 'computeMs', () => compute.evaluateLeaf(batch, confusion));
    const indices = Array.from(confusion.keys()).filter((cell) => confusion[cell] !== 0);
    return [
      {
        type: 'result',
        term,
        kind: 'validation',
        step: lease.step,
        node,
        leaves: [validationLeafSums(loss)],
        confusion: { indices, counts: indices.map((cell) => confusion[cell]!) },
        timings,
      },
    ];
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
