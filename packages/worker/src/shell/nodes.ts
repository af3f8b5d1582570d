/**
 * Computes nodes of the reduction tree on this worker: each leaf on the compute thread, sums of leaves over the same
 * tree as everywhere. A finished node keeps its vector until the run has moved on, because the coordinator fetches
 * it from there. Every vector is either free, in one sum, or offered: none is lost when a computation is broken off.
 */

import {
  type Bucket,
  childrenOf,
  leavesOf,
  type ModelDescription,
  type Precision,
  parameterBuckets,
  sameNode,
  type TreeNode,
  type ValueFormat,
  type Version,
} from '@unet-fleet/law';
import { combineNodes, type FloatVector, NumericMemory, pack, roundLeaf } from '@unet-fleet/numerics';
import type { BulkKey, BulkOutbox } from '@unet-fleet/wire';
import type { LeafLoss } from '../engine/types.ts';
import { finiteWherePossible, type LeafSums, trainLeafSums } from './leaf-sums.ts';

/** Computes one training leaf into the given vectors, which lie in shared memory. */
export type ComputeLeaf = (
  leaf: number,
  gradients: Float32Array,
  statistics: Float32Array,
  /** Another than the engine's own. */
  precision?: Precision,
) => Promise<LeafLoss>;

export interface NodeSum {
  node: TreeNode;
  gradients: FloatVector;
  /** Of the node's leaves, in leaf order. */
  leaves: { sums: LeafSums; statistics: Float32Array }[];
}

/** What `compute` was stopped with in the middle of a node, and the parts of the node that are whole. */
export class Interrupted extends Error {
  /** The highest nodes that were finished, in leaf order. They are the caller's: to offer or to release. */
  readonly finished: NodeSum[];

  constructor(cause: unknown, finished: NodeSum[]) {
    super('the computation of a node was broken off', { cause });
    this.finished = finished;
  }
}

type ModelSizes = Pick<ModelDescription, 'numParameters' | 'numStatistics'>;

export interface NodeComputerOptions {
  /** In which sums lie: shared with the compute thread. */
  memory?: NumericMemory;
  buckets?: readonly Bucket[];
  /** To which every node is rounded, and in which it travels. */
  format?: ValueFormat;
  /** A leaf that is not finite in the engine's precision is computed again. */
  retriesInFloat32?: boolean;
}

export class NodeComputer {
  readonly #model: ModelSizes;
  readonly #memory: NumericMemory;
  readonly #buckets: readonly Bucket[];
  readonly #retriesInFloat32: boolean;
  readonly #format: ValueFormat;
  readonly #free: FloatVector[] = [];
  /** Of leaves; what is offered is a copy. */
  readonly #freeStatistics: Float32Array[] = [];
  /** Offered nodes. */
  #offered: { version: Version; node: TreeNode; gradients: FloatVector }[] = [];

  constructor(
    model: ModelSizes,
    {
      memory = new NumericMemory({ shared: true }),
      buckets = parameterBuckets(model.numParameters),
      format = 'float32',
      retriesInFloat32 = false,
    }: NodeComputerOptions = {},
  ) {
    this.#model = model;
    this.#memory = memory;
    this.#buckets = buckets;
    this.#retriesInFloat32 = retriesInFloat32;
    this.#format = format;
  }

  /**
   * Sums the node's leaves. Rejects with Interrupted, whose cause is what `compute` rejected with; the sum and the
   * parts of an interrupted one stay taken until they are offered or released. `onNode` sees each node on the way, as
   * long as it is called: its vector goes into the parent's.
   */
  async sum(
    node: TreeNode,
    numLeaves: number,
    compute: ComputeLeaf,
    onNode: (sum: NodeSum) => void = () => {},
  ): Promise<NodeSum> {
    const sum = await this.#sum(node, numLeaves, compute, onNode);
    onNode(sum);
    return sum;
  }

  async #sum(
    node: TreeNode,
    numLeaves: number,
    compute: ComputeLeaf,
    onNode: (sum: NodeSum) => void,
  ): Promise<NodeSum> {
    if (node.level === 0) return this.#leaf(node, numLeaves, compute);
    const [leftChild, rightChild] = childrenOf(node, numLeaves);
    const left = await this.sum(leftChild!, numLeaves, compute, onNode);
    if (!rightChild) return { ...left, node };
    const right = await this.sum(rightChild, numLeaves, compute, onNode).catch((error) => {
      if (!(error instanceof Interrupted)) throw error;
      throw new Interrupted(error.cause, [left, ...error.finished]);
    });
    for (const { offset, length } of this.#buckets) {
      const [sum, addend] = [left, right].map(({ gradients }) => gradients.part(offset, length));
      combineNodes(sum!, addend!, this.#format);
    }
    // Its leaves go on in the parent.
    this.#free.push(right.gradients);
    return { node, gradients: left.gradients, leaves: [...left.leaves, ...right.leaves] };
  }

  async #leaf(node: TreeNode, numLeaves: number, compute: ComputeLeaf): Promise<NodeSum> {
    const gradients = this.#free.pop() ?? this.#memory.allocate(this.#model.numParameters);
    const statistics = this.#freeStatistics.pop() ?? newStatistics(this.#model.numStatistics);
    try {
      const [leaf] = leavesOf(node, numLeaves);
      const sums = await finiteWherePossible(this.#retriesInFloat32, async (precision) => {
        const loss = await compute(leaf!, gradients.view, statistics, precision);
        // Before it is looked at: what does not fit the format is not finite either.
        for (const { offset, length } of this.#buckets) {
          roundLeaf(gradients.part(offset, length), this.#format);
        }
        return trainLeafSums(loss, gradients, statistics);
      });
      return { node, gradients, leaves: [{ sums, statistics }] };
    } catch (error) {
      this.#free.push(gradients);
      this.#freeStatistics.push(statistics);
      throw new Interrupted(error, []);
    }
  }

  /** Gives a sum's vectors back, for one that is not offered. */
  release(sum: NodeSum): void {
    this.#free.push(sum.gradients);
    this.#freeStatistics.push(...sum.leaves.map(({ statistics }) => statistics));
  }

  /** Makes a node's sum available to the coordinator, until it is forgotten; its values are values no more. */
  offer(term: number, version: Version, sum: NodeSum, outbox: BulkOutbox): void {
    const key: BulkKey = { kind: 'gradient', term, version, ...sum.node, format: this.#format };
    for (const { id, offset, length } of this.#buckets) {
      outbox.offer(key, id, pack(sum.gradients.part(offset, length), this.#format));
    }
    const statistics = statisticsOf(sum);
    this.#freeStatistics.push(...sum.leaves.map((leaf) => leaf.statistics));
    outbox.offer({ ...key, format: 'float32' }, this.#buckets.length, new Uint8Array(statistics.buffer));
    this.#offered.push({ version, node: sum.node, gradients: sum.gradients });
  }

  /** The coordinator has this node. */
  forget(version: Version, node: TreeNode, outbox: BulkOutbox): void {
    this.#withdraw(outbox, (offered) => offered.version !== version || !sameNode(offered.node, node));
  }

  forgetBefore(version: Version, outbox: BulkOutbox): void {
    this.#withdraw(outbox, (offered) => offered.version >= version);
  }

  #withdraw(outbox: BulkOutbox, keep: (offered: { version: Version; node: TreeNode }) => boolean): void {
    outbox.withdraw(({ version, level, index }) => keep({ version, node: { level, index } }));
    this.#free.push(...this.#offered.filter((node) => !keep(node)).map(({ gradients }) => gradients));
    this.#offered = this.#offered.filter(keep);
  }
}

/** The statistics of a node's leaves, one after another in leaf order, as they are sent. */
export function statisticsOf({ leaves }: NodeSum): Float32Array {
  const { length } = leaves[0]!.statistics;
  const statistics = new Float32Array(length * leaves.length);
  leaves.forEach((leaf, i) => {
    statistics.set(leaf.statistics, i * length);
  });
  return statistics;
}

const newStatistics = (length: number): Float32Array => new Float32Array(new SharedArrayBuffer(length * 4));
