/**
 * Computes nodes of the reduction tree on this worker: each leaf on the compute thread, sums of leaves over the same
 * tree as everywhere. A finished node keeps its vector until the run has moved on, because the coordinator fetches
 * it from there.
 */
import { add, type FloatVector, NumericMemory } from '@unet-fleet/numerics';
import {
  type BulkKey,
  type BulkOutbox,
  childrenOf,
  leavesOf,
  type ModelDescription,
  parameterBuckets,
  statisticsBucketId,
  type TreeNode,
} from '@unet-fleet/shared';
import type { LeafLoss } from '../engine/types.ts';

/** Computes one training leaf into the given vectors, which lie in shared memory. */
export type ComputeLeaf = (
  leaf: number,
  gradients: Float32Array,
  statistics: Float32Array,
) => Promise<LeafLoss>;

interface NodeSum {
  gradients: FloatVector;
  /** Of the node's leaves, in leaf order. */
  leaves: { loss: LeafLoss; statistics: Float32Array }[];
}

export class NodeComputer {
  readonly #model: ModelDescription;
  readonly #memory = new NumericMemory({ shared: true });
  readonly #free: FloatVector[] = [];
  /** Offered nodes, by step. */
  #offered: { step: number; gradients: FloatVector }[] = [];

  constructor(model: ModelDescription) {
    this.#model = model;
  }

  /** Sums the node's leaves. Rejects with what `compute` rejects with. */
  async sum(node: TreeNode, numLeaves: number, compute: ComputeLeaf): Promise<NodeSum> {
    const children = childrenOf(node, numLeaves);
    if (node.level > 0) {
      const left = await this.sum(children[0]!, numLeaves, compute);
      if (children.length === 1) return left;
      const right = await this.sum(children[1]!, numLeaves, compute);
      add(left.gradients, right.gradients);
      this.#free.push(right.gradients);
      return { gradients: left.gradients, leaves: [...left.leaves, ...right.leaves] };
    }
    const gradients = this.#free.pop() ?? this.#memory.allocate(this.#model.numParameters);
    const statistics = new Float32Array(new SharedArrayBuffer(this.#model.numStatistics * 4));
    try {
      const loss = await compute(leavesOf(node, numLeaves)[0]!, gradients.view, statistics);
      return { gradients, leaves: [{ loss, statistics }] };
    } catch (error) {
      this.#free.push(gradients);
      throw error;
    }
  }

  /** Makes a node's sum available to the coordinator, until `forgetBefore` passes its step. */
  offer(term: number, step: number, node: TreeNode, sum: NodeSum, outbox: BulkOutbox): void {
    const key: BulkKey = { kind: 'gradient', term, step, ...node };
    const { view } = sum.gradients;
    for (const { id, offset, length } of parameterBuckets(view.length)) {
      outbox.offer(key, id, new Uint8Array(view.buffer, view.byteOffset + offset * 4, length * 4));
    }
    const { numStatistics, numParameters } = this.#model;
    const statistics = new Float32Array(numStatistics * sum.leaves.length);
    sum.leaves.forEach((leaf, i) => {
      statistics.set(leaf.statistics, i * numStatistics);
    });
    outbox.offer(key, statisticsBucketId(numParameters), new Uint8Array(statistics.buffer));
    this.#offered.push({ step, gradients: sum.gradients });
  }

  forgetBefore(step: number, outbox: BulkOutbox): void {
    outbox.withdraw((key) => key.step >= step);
    this.#free.push(...this.#offered.filter((node) => node.step < step).map((node) => node.gradients));
    this.#offered = this.#offered.filter((node) => node.step >= step);
  }
}
