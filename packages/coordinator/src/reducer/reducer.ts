/**
 * A reducer: some buckets of the parameters, and the batch-norm statistics if they are its own, as one. What it keeps
 * true: nobody can fetch a version of the weights any more when the first bucket of the next one is written over it.
 */

import type { TreeNode, Version } from '@unet-fleet/law';
import type { NumericMemory } from '@unet-fleet/numerics';
import type { Clock } from '@unet-fleet/shared';
import type { BulkInbox, BulkOutbox, EarlyInbox } from '@unet-fleet/wire';
import type { BucketHashes, BucketOwner, BucketSquares, ModelState, StepUpdate } from './bucket-owner.ts';
import type { TensorPart, TensorRange } from './kept-gradient.ts';
import { type ParameterBucketOptions, ParameterBuckets } from './parameters.ts';
import { StatisticsBucket } from './statistics.ts';

export interface ReducerOptions extends ParameterBucketOptions {
  /** For the one reducer that owns them. */
  statistics: { bucketId: number; numStatistics: number } | null;
}

export class Reducer {
  readonly #parameters: ParameterBuckets;
  readonly #owners: BucketOwner[];

  constructor(
    memory: NumericMemory,
    options: ReducerOptions,
    parameters = new ParameterBuckets(memory, options),
  ) {
    const { statistics, term } = options;
    this.#parameters = parameters;
    this.#owners = statistics
      ? [parameters, new StatisticsBucket(statistics.bucketId, statistics.numStatistics, term)]
      : [parameters];
  }

  load(version: Version, state: ModelState, outboxes: readonly BulkOutbox[]): void {
    for (const owner of this.#owners) owner.load(version, state, outboxes);
  }

  save(state: ModelState): void {
    for (const owner of this.#owners) owner.save(state);
  }

  /** Rejects as soon as one bucket can't be had; others may arrive later, and need not be fetched again. */
  async collect(
    inbox: BulkInbox,
    peer: string,
    version: Version,
    node: TreeNode,
    numLeaves: number,
  ): Promise<void> {
    await Promise.all(this.#owners.map((owner) => owner.collect(inbox, peer, version, node, numLeaves)));
  }

  /** Takes over what a worker of this host offers of these nodes while it computes them: see EarlyBuckets. */
  expect(inbox: EarlyInbox, peer: string, version: Version, nodes: readonly TreeNode[], clock: Clock): void {
    this.#parameters.expect(inbox, peer, version, nodes, clock);
  }

  /** Nothing more is expected of the peer. */
  forgetPeer(peer: string): void {
    this.#parameters.forgetPeer(peer);
  }

  sumsOfSquares(numLeaves: number): BucketSquares[] {
    return this.#owners.flatMap((owner) => owner.sumsOfSquares(numLeaves));
  }

  /** `isWatched`: the root is kept for `binNext`. */
  apply(update: StepUpdate, outboxes: readonly BulkOutbox[], isWatched = false): void {
    if (isWatched) this.#parameters.watch(update.scalars.updateIndex);
    // The version before is overwritten in place: nobody may fetch it any more.
    for (const outbox of outboxes) outbox.withdraw(() => false);
    for (const owner of this.#owners) owner.apply(update, outboxes);
  }

  /** Of the step that was applied last. */
  hashesOfApplied(): BucketHashes[] {
    return this.#owners.flatMap((owner) => owner.hashesOfApplied());
  }

  /** See KeptGradient. */
  binNext(version: Version, tensors: readonly TensorRange[]): TensorPart[] | 'done' | 'replaced' {
    return this.#parameters.binNext(version, tensors);
  }
}
