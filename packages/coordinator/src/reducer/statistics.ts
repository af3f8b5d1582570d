/**
 * The running batch-norm statistics. Each leaf of a step reports the mean and the unbiased variance of its batch; at
 * the commit they enter the running ones leaf by leaf, in leaf order. Owned by the first reducer.
 */

import { leavesOf, type TreeNode, type Version } from '@unet-fleet/law';
import { updateRunningStatistics } from '@unet-fleet/numerics';
import type { BulkInbox, BulkKey, BulkOutbox } from '@unet-fleet/wire';
import type { BucketHashes, BucketOwner, BucketSquares, ModelState, StepUpdate } from './bucket-owner.ts';
import { digestOf } from './hashing.ts';

/** Of whatever else travels in another one: they are few. */
const format = 'float32';

/** What was fetched for a step and used. Nothing is written over it. */
interface Delivery {
  node: TreeNode;
  peer: string;
  values: Float32Array;
}

export class StatisticsBucket implements BucketOwner {
  readonly #bucketId: number;
  readonly #term: number;
  readonly #running: Float32Array;
  /** Of the weights, with which the leaves are computed that are collected. */
  #version = 0;
  #leaves = new Map<number, Float32Array>();
  #deliveries: Delivery[] = [];
  #applied: Delivery[] = [];

  constructor(bucketId: number, numStatistics: number, term: number) {
    this.#bucketId = bucketId;
    this.#term = term;
    this.#running = new Float32Array(numStatistics);
  }

  load(version: Version, { statistics }: ModelState, outboxes: readonly BulkOutbox[]): void {
    this.#version = version;
    this.#running.set(statistics);
    this.#offer(outboxes);
  }

  save({ statistics }: ModelState): void {
    statistics.set(this.#running);
  }

  async collect(
    inbox: BulkInbox,
    peer: string,
    version: Version,
    node: TreeNode,
    numLeaves: number,
  ): Promise<void> {
    const leaves = leavesOf(node, numLeaves);
    const { length } = this.#running;
    const values = new Float32Array(leaves.length * length);
    const key: BulkKey = { kind: 'gradient', term: this.#term, version, ...node, format };
    await inbox.fetch(peer, key, this.#bucketId, new Uint8Array(values.buffer));
    // A late twin, of this step or of one that has been applied: the first counts.
    const missing = leaves.filter((leaf) => !this.#leaves.has(leaf));
    if (version !== this.#version || missing.length === 0) return;
    for (const leaf of missing) {
      const index = leaf - leaves[0]!;
      this.#leaves.set(leaf, values.subarray(index * length, (index + 1) * length));
    }
    if (missing.length < leaves.length) return;
    this.#deliveries.push({ node, peer, values });
  }

  /** They have no gradient. */
  sumsOfSquares(): BucketSquares[] {
    return [];
  }

  /** Folds in the leaves of the step, but for those that were skipped. */
  apply({ numLeaves, skippedLeaves, scalars }: StepUpdate, outboxes: readonly BulkOutbox[]): void {
    for (let leaf = 0; leaf < numLeaves; leaf++) {
      const values = this.#leaves.get(leaf);
      if (!values) throw new Error(`no statistics of leaf ${leaf}`);
      if (!skippedLeaves.includes(leaf)) updateRunningStatistics(this.#running, values);
    }
    this.#leaves = new Map();
    this.#applied = this.#deliveries;
    this.#deliveries = [];
    this.#version = scalars.updateIndex;
    this.#offer(outboxes);
  }

  hashesOfApplied(): BucketHashes[] {
    const deliveries = this.#applied.map(({ node, peer, values }) => {
      return { node, peer, numBytes: values.byteLength, digest: digestOf(values) };
    });
    return [{ bucket: this.#bucketId, root: null, deliveries }];
  }

  #offer(outboxes: readonly BulkOutbox[]): void {
    const key: BulkKey = {
      ...{ kind: 'weights', term: this.#term, version: this.#version, level: 0, index: 0, format },
    };
    const { buffer, byteOffset, byteLength } = this.#running;
    for (const outbox of outboxes) {
      outbox.offer(key, this.#bucketId, new Uint8Array(buffer, byteOffset, byteLength));
    }
  }
}
