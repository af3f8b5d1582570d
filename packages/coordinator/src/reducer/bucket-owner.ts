/**
 * What whoever owns buckets of the model can do with them. There are two kinds: ParameterBuckets, whose gradients are
 * summed over the tree and applied by the optimizer, and StatisticsBucket, whose leaves are folded in one after another.
 * A Reducer treats them alike.
 */

import type { ModelDescription, TreeNode, Version } from '@unet-fleet/law';
import type { UpdateScalars } from '@unet-fleet/numerics';
import type { BulkInbox, BulkOutbox } from '@unet-fleet/wire';

/** All that training changes, as flat vectors in shared memory: each reducer reads or writes its own ranges. */
export interface ModelState {
  parameters: Float32Array;
  statistics: Float32Array;
  /** Of the optimizer, in the order of its slots. */
  slots: Float32Array[];
}

/** Vectors of a whole state; of those that are never touched, no memory is taken. */
export function emptyState(
  { numParameters, numStatistics }: Pick<ModelDescription, 'numParameters' | 'numStatistics'>,
  numSlots: number,
): ModelState {
  const vector = (length: number) => new Float32Array(new SharedArrayBuffer(length * 4));
  return {
    parameters: vector(numParameters),
    statistics: vector(numStatistics),
    slots: Array.from({ length: numSlots }, () => vector(numParameters)),
  };
}

/** Digests of one bucket of a step: of what was delivered and used, and of the root (null for the statistics); see hashing.ts. */
export interface BucketHashes {
  bucket: number;
  root: Uint8Array | null;
  deliveries: { node: TreeNode; peer: string; numBytes: number; digest: Uint8Array }[];
}

/** Of the root of one bucket, in the blocks of the global norm. */
export interface BucketSquares {
  bucket: number;
  blocks: Float64Array;
}

/** The commit of a step: what is applied, and how. */
export interface StepUpdate {
  numLeaves: number;
  /** Were not finite: their gradients are zeros, and their statistics are left out. */
  skippedLeaves: readonly number[];
  /** `updateIndex` is the version that comes of it. */
  scalars: UpdateScalars;
}

export interface BucketOwner {
  /** Takes over its ranges of this version of the state, and offers them. */
  load(version: Version, state: ModelState, outboxes: readonly BulkOutbox[]): void;
  /** Copies its ranges into the vectors: a snapshot between two steps. */
  save(state: ModelState): void;
  /**
   * Fetches what a worker has of a node, computed with the weights of `version`. Rejects with FetchError when it can't be
   * had whole. A late twin of what is here already changes nothing.
   */
  collect(inbox: BulkInbox, peer: string, version: Version, node: TreeNode, numLeaves: number): Promise<void>;
  /** Its part of the global norm: none where it has no gradient. */
  sumsOfSquares(numLeaves: number): BucketSquares[];
  /** Takes its buckets to the next version, and offers each the moment it is done. */
  apply(update: StepUpdate, outboxes: readonly BulkOutbox[]): void;
  /** Of the step that was applied last. */
  hashesOfApplied(): BucketHashes[];
}
