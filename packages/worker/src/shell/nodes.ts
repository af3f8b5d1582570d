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
import { EarlyOffer, type EarlyPort, type TensorPlace } from './early-offer.ts';
import { finiteWherePossible, type LeafSums, trainLeafSums } from './leaf-sums.ts';

/** Computes one training leaf into the given vectors, which lie in shared memory. */
export type ComputeLeaf = (
  leaf: number,
  gradients: Float32Array,
  statistics: Float32Array,
  /** Another than the engine's own. */
  precision?: Precision,
  /** Told of each parameter whose gradient is complete. */
  onTensor?: ((parameterIndex: number) => void) | null,
) => Promise<LeafLoss>;

export interface NodeSum {
  node: TreeNode;
  gradients: FloatVector;
  /** Its buckets have gone out early, and lie in `gradients` as they were offered. */
  isOffered: boolean;
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

type ModelSizes = Pick<ModelDescription, 'numParameters' | 'numStatistics'> & {
  /** Without them no bucket is known to be complete before its leaf is. */
  parameters?: readonly TensorPlace[];
};

/** What is the same all over a node. */
interface Walk {
  numLeaves: number;
  compute: ComputeLeaf;
  onNode(sum: NodeSum): void;
  /** Null where nothing goes out before the node is complete. */
  early: EarlyPort | null;
}

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
  readonly #tensors: readonly TensorPlace[];
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
    this.#tensors = model.parameters ?? [];
  }

  /**
   * Sums the node's leaves. Rejects with Interrupted, whose cause is what `compute` rejected with; the sum and the
   * parts of an interrupted one stay taken until they are offered or released. `onNode` sees each node on the way, as
   * long as it is called: its vector goes into the parent's.
   */
  sum(
    node: TreeNode,
    numLeaves: number,
    compute: ComputeLeaf,
    onNode: (sum: NodeSum) => void = () => {},
  ): Promise<NodeSum> {
    return this.#sum(node, { numLeaves, compute, onNode, early: null }, []);
  }

  /** The same, and each bucket of the node goes out as soon as it is complete: see EarlyOffer. */
  sumOffering(node: TreeNode, numLeaves: number, compute: ComputeLeaf, port: EarlyPort): Promise<NodeSum> {
    const early = this.#tensors.length > 0 ? port : null;
    return this.#sum(node, { numLeaves, compute, onNode: () => {}, early }, []);
  }

  /** `lefts`: what the sum's last leaf is added to further up, the nearest first; null where it is not the node's last. */
  async #sum(node: TreeNode, walk: Walk, lefts: readonly FloatVector[] | null): Promise<NodeSum> {
    const sum = await this.#sumOf(node, walk, lefts);
    walk.onNode(sum);
    return sum;
  }

  async #sumOf(node: TreeNode, walk: Walk, lefts: readonly FloatVector[] | null): Promise<NodeSum> {
    if (node.level === 0) return this.#leaf(node, walk, lefts);
    const [leftChild, rightChild] = childrenOf(node, walk.numLeaves);
    if (!rightChild) return { ...(await this.#sum(leftChild!, walk, lefts)), node };
    const left = await this.#sum(leftChild!, walk, null);
    const right = await this.#sum(rightChild, walk, lefts && [left.gradients, ...lefts]).catch((error) => {
      if (!(error instanceof Interrupted)) throw error;
      throw new Interrupted(error.cause, [left, ...error.finished]);
    });
    // The sum is in either, and the other is free; their leaves go on in the parent.
    const [sum, addend] = right.isOffered ? [right, left] : [left, right];
    if (!right.isOffered) this.#combine(sum.gradients, addend.gradients);
    this.#free.push(addend.gradients);
    const { gradients, isOffered } = sum;
    return { node, gradients, isOffered, leaves: [...left.leaves, ...right.leaves] };
  }

  async #leaf(node: TreeNode, walk: Walk, lefts: readonly FloatVector[] | null): Promise<NodeSum> {
    const gradients = this.#free.pop() ?? this.#memory.allocate(this.#model.numParameters);
    const statistics = this.#freeStatistics.pop() ?? newStatistics(this.#model.numStatistics);
    const [leaf] = leavesOf(node, walk.numLeaves);
    let isOffered = false;
    try {
      const sums = await finiteWherePossible(this.#retriesInFloat32, async (precision) => {
        const early = walk.early && lefts && this.#earlyOffer(gradients, lefts, walk.early);
        const computed = await this.#computeLeaf(
          walk.compute,
          leaf!,
          gradients,
          statistics,
          precision,
          early,
        );
        isOffered = early !== null && computed.isFinite;
        return computed;
      });
      return { node, gradients, isOffered, leaves: [{ sums, statistics }] };
    } catch (error) {
      this.#free.push(gradients);
      this.#freeStatistics.push(statistics);
      throw new Interrupted(error, []);
    }
  }

  /** Computes a leaf; nothing of it stays offered unless it is finite. */
  async #computeLeaf(
    compute: ComputeLeaf,
    leaf: number,
    gradients: FloatVector,
    statistics: Float32Array,
    precision: Precision | undefined,
    early: EarlyOffer | null,
  ): Promise<LeafSums> {
    let isUsable = false;
    try {
      const onTensor = early && ((index: number) => early.complete(index));
      const loss = await compute(leaf, gradients.view, statistics, precision, onTensor);
      // Rounded before it is looked at, early or now: what does not fit the format is not finite either.
      if (!early) this.#roundLeaf(gradients);
      const sums = trainLeafSums(loss, gradients, statistics, early ? () => early.finish() : undefined);
      isUsable = sums.isFinite;
      return sums;
    } finally {
      if (!isUsable) early?.withdraw();
    }
  }

  #roundLeaf(gradients: FloatVector): void {
    for (const { offset, length } of this.#buckets) roundLeaf(gradients.part(offset, length), this.#format);
  }

  #combine(sum: FloatVector, addend: FloatVector): void {
    for (const { offset, length } of this.#buckets) {
      combineNodes(sum.part(offset, length), addend.part(offset, length), this.#format);
    }
  }

  #earlyOffer(gradients: FloatVector, lefts: readonly FloatVector[], port: EarlyPort): EarlyOffer {
    return new EarlyOffer(gradients, lefts, this.#buckets, this.#format, this.#tensors, port);
  }

  /** Gives a sum's vectors back, for one that is not offered. */
  release(sum: NodeSum): void {
    this.#free.push(sum.gradients);
    this.#freeStatistics.push(...sum.leaves.map(({ statistics }) => statistics));
  }

  /** Where the buckets of a node go that is still computed; they are values no more then. */
  earlyPort(term: number, version: Version, node: TreeNode, outbox: BulkOutbox): EarlyPort {
    const key: BulkKey = { kind: 'gradient', term, version, ...node, format: this.#format };
    return {
      offer: (bucket, values) => outbox.offer(key, bucket, pack(values, this.#format)),
      withdraw: () => outbox.withdraw((other) => other.version !== version || !sameNode(other, node)),
    };
  }

  /** Makes a node's sum available to the coordinator, until it is forgotten; its values are values no more. */
  offer(term: number, version: Version, sum: NodeSum, outbox: BulkOutbox): void {
    const key: BulkKey = { kind: 'gradient', term, version, ...sum.node, format: this.#format };
    for (const { id, offset, length } of sum.isOffered ? [] : this.#buckets) {
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
