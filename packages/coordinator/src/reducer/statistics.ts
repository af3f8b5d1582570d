/**
 * The running batch-norm statistics. Each leaf of a step reports the mean and the unbiased variance of its batch; at
 * the commit they enter the running ones leaf by leaf, in leaf order. Owned by the first reducer.
 */
import { updateRunningStatistics } from '@unet-fleet/numerics';
import { type BulkInbox, type BulkKey, type BulkOutbox, leavesOf, type TreeNode } from '@unet-fleet/shared';
import { digestOf } from './hashing.ts';
import type { BucketHashes } from './protocol.ts';

export class StatisticsReducer {
  readonly #bucketId: number;
  readonly #term: number;
  readonly #running: Float32Array;
  /** The step whose leaves are collected. */
  #step = 0;
  #leaves = new Map<number, Float32Array>();
  #deliveries: BucketHashes['deliveries'] = [];
  #applied: BucketHashes['deliveries'] = [];

  constructor(bucketId: number, numStatistics: number, term: number) {
    this.#bucketId = bucketId;
    this.#term = term;
    this.#running = new Float32Array(numStatistics);
  }

  load(version: number, statistics: Float32Array): void {
    this.#step = version;
    this.#running.set(statistics);
  }

  save(statistics: Float32Array): void {
    statistics.set(this.#running);
  }

  async collect(
    inbox: BulkInbox,
    peer: string,
    step: number,
    node: TreeNode,
    numLeaves: number,
  ): Promise<void> {
    const leaves = leavesOf(node, numLeaves);
    const { length } = this.#running;
    const values = new Float32Array(leaves.length * length);
    const key: BulkKey = { kind: 'gradient', term: this.#term, step, ...node };
    await inbox.fetch(peer, key, this.#bucketId, new Uint8Array(values.buffer));
    // A late twin, of this step or of one that has been applied: the first counts.
    const missing = leaves.filter((leaf) => !this.#leaves.has(leaf));
    if (step !== this.#step || missing.length === 0) return;
    for (const leaf of missing) {
      const index = leaf - leaves[0]!;
      this.#leaves.set(leaf, values.subarray(index * length, (index + 1) * length));
    }
    if (missing.length < leaves.length) return;
    this.#deliveries.push({ node, peer, numBytes: values.byteLength, digest: digestOf(values) });
  }

  /** Folds in the leaves of the step, but for those that were skipped. */
  apply(numLeaves: number, skippedLeaves: readonly number[]): void {
    for (let leaf = 0; leaf < numLeaves; leaf++) {
      const values = this.#leaves.get(leaf);
      if (!values) throw new Error(`no statistics of leaf ${leaf}`);
      if (!skippedLeaves.includes(leaf)) updateRunningStatistics(this.#running, values);
    }
    this.#leaves = new Map();
    this.#applied = this.#deliveries;
    this.#deliveries = [];
    this.#step++;
  }

  /** Of the step that was applied last. */
  hashesOfApplied(): BucketHashes {
    return { bucket: this.#bucketId, root: null, deliveries: this.#applied };
  }

  offer(version: number, outboxes: BulkOutbox[]): void {
    const key: BulkKey = { kind: 'weights', term: this.#term, step: version, level: 0, index: 0 };
    const { buffer, byteOffset, byteLength } = this.#running;
    for (const outbox of outboxes) {
      outbox.offer(key, this.#bucketId, new Uint8Array(buffer, byteOffset, byteLength));
    }
  }
}
