/**
 * Buckets of the parameters: their weights, their optimizer state, and the gradients of the step under way. Nodes are
 * added over the fixed tree as they arrive, and the root is applied when that is asked for. Nothing of one bucket depends
 * on another, so any number of reducers gives the same bits.
 */

import {
  type Bucket,
  childrenOf,
  endLeaf,
  firstLeaf,
  nodeKey,
  packedBytes,
  parentOf,
  rootOf,
  sameNode,
  siblingOf,
  type TrainConfig,
  type TreeNode,
  type ValueFormat,
  type Version,
  wireFormats,
} from '@unet-fleet/law';
import {
  blockSumsOfSquares,
  combineNodes,
  createOptimizer,
  type FloatVector,
  type NumericMemory,
  type Optimizer,
  pack,
  packedLength,
  packedPlace,
  unpack,
} from '@unet-fleet/numerics';
import type { Clock } from '@unet-fleet/shared';
import type { BulkInbox, BulkKey, BulkOutbox, EarlyInbox } from '@unet-fleet/wire';
import type { BucketHashes, BucketOwner, BucketSquares, ModelState, StepUpdate } from './bucket-owner.ts';
import { type Arrival, EarlyBuckets, type RootFacts } from './early-buckets.ts';
import { StepDigests, stepKeyOf } from './hashing.ts';
import { KeptGradient, type TensorPart, type TensorRange } from './kept-gradient.ts';

export interface ParameterBucketOptions {
  buckets: Bucket[];
  train: TrainConfig;
  term: number;
  /** From which the keys come under which deliveries are hashed; the coordinator's start has one, and no worker knows it. */
  hashSecret: Uint8Array;
}

interface BucketState {
  bucket: Bucket;
  parameters: FloatVector;
  /** Where the weights lie as they are offered. */
  offered: FloatVector;
  slots: FloatVector[];
  /** Sums that wait for their siblings, by node. */
  held: Map<string, { node: TreeNode; values: FloatVector }>;
  /** Null before it is there. */
  root: RootFacts | null;
  /** What was fetched for this step and used. */
  deliveries: BucketHashes['deliveries'];
}

export class ParameterBuckets implements BucketOwner {
  readonly #memory: NumericMemory;
  readonly #optimizer: Optimizer;
  readonly #states: BucketState[];
  readonly #term: number;
  readonly #formats: { gradients: ValueFormat; weights: ValueFormat };
  /** Of the weights, with which the gradients are computed that are collected. */
  #version = 0;
  /** Vectors to reuse, by length: a step allocates nothing after the first. */
  readonly #free = new Map<number, FloatVector[]>();
  readonly #hashSecret: Uint8Array;
  readonly #digests: StepDigests;
  readonly #early = new EarlyBuckets({
    take: (length) => this.#take(length),
    release: (vector) => this.#release(vector),
    arrived: (values, key) => this.#arrived(values, key),
  });
  /** Of the step that was collected last: most steps have as many. */
  #numLeaves = 0;
  /** Of the step that was applied last. */
  #applied: BucketHashes[] = [];
  readonly #watched = new KeptGradient((vector) => this.#release(vector));
  /** Whose root is kept when it is applied. */
  #watchedVersion = 0;

  constructor(memory: NumericMemory, options: ParameterBucketOptions) {
    this.#memory = memory;
    this.#term = options.term;
    this.#hashSecret = options.hashSecret;
    this.#digests = new StepDigests(memory);
    this.#optimizer = createOptimizer(options.train);
    this.#formats = wireFormats[options.train.wire];
    const { weights } = this.#formats;
    this.#states = options.buckets.map((bucket) => {
      const { length } = bucket;
      const parameters = memory.allocate(length);
      return {
        bucket,
        parameters,
        offered: weights === 'float32' ? parameters : memory.allocate(packedLength(weights, length)),
        slots: this.#optimizer.slots.map(() => memory.allocate(length)),
        held: new Map(),
        root: null,
        deliveries: [],
      };
    });
  }

  load(version: Version, { parameters, slots }: ModelState, outboxes: readonly BulkOutbox[]): void {
    this.#begin(version);
    for (const state of this.#states) {
      const { offset, length } = state.bucket;
      state.parameters.view.set(parameters.subarray(offset, offset + length));
      state.slots.forEach((slot, i) => {
        slot.view.set(slots[i]!.subarray(offset, offset + length));
      });
      this.#offer(state, version, outboxes);
    }
  }

  save({ parameters, slots }: ModelState): void {
    for (const state of this.#states) {
      const { offset } = state.bucket;
      parameters.set(state.parameters.view, offset);
      state.slots.forEach((slot, i) => {
        slots[i]!.set(slot.view, offset);
      });
    }
  }

  expect(inbox: EarlyInbox, peer: string, version: Version, nodes: readonly TreeNode[], clock: Clock): void {
    if (version !== this.#version) return;
    const keys = nodes.map((node) => this.#keyOf(version, node));
    const buckets = this.#states.map(({ bucket }) => bucket);
    this.#early.expect(inbox, peer, keys, buckets, clock);
  }

  forgetPeer(peer: string): void {
    this.#early.forget(peer);
  }

  /**
   * Adds what was fetched into the tree. Rejects as soon as one bucket can't be had; others may have arrived, or arrive
   * later, which the same node from another worker finds done.
   */
  async collect(
    inbox: BulkInbox,
    peer: string,
    version: Version,
    node: TreeNode,
    numLeaves: number,
  ): Promise<void> {
    const key = this.#keyOf(version, node);
    this.#numLeaves = numLeaves;
    await Promise.all(
      this.#states.map(async (state) => {
        if (version !== this.#version || isCovered(state, node, numLeaves)) return;
        const arrival =
          this.#early.take(inbox.early, peer, key, state.bucket.id) ??
          (await this.#fetch(inbox, peer, key, state.bucket));
        // A late twin may come when the node is there already, or even when its step has been applied.
        if (version !== this.#version || isCovered(state, node, numLeaves))
          return this.#release(arrival.values);
        const numBytes = packedBytes(key.format, state.bucket.length);
        state.deliveries.push({ node, peer, numBytes, digest: arrival.digest });
        this.#combine(state, node, arrival, numLeaves);
      }),
    );
    this.#early.collected(peer, key);
  }

  #keyOf(version: Version, node: TreeNode): BulkKey {
    return { kind: 'gradient', term: this.#term, version, ...node, format: this.#formats.gradients };
  }

  async #fetch(inbox: BulkInbox, peer: string, key: BulkKey, { id, length }: Bucket): Promise<Arrival> {
    const values = this.#take(length);
    try {
      await inbox.fetch(peer, key, id, packedPlace(values, key.format));
    } catch (error) {
      this.#release(values);
      throw error;
    }
    return this.#arrived(values, key);
  }

  #arrived(values: FloatVector, key: BulkKey): Arrival {
    unpack(values, key.format);
    const isRoot = this.#numLeaves > 0 && sameNode(key, rootOf(this.#numLeaves));
    const digest = this.#digests.ofDelivery(values);
    return { values, digest, root: isRoot ? this.#factsOf(values) : null };
  }

  #factsOf(root: FloatVector): RootFacts {
    return { squares: blockSumsOfSquares(root), digest: this.#digests.ofRoot(root) };
  }

  sumsOfSquares(): BucketSquares[] {
    return this.#states.map(({ bucket, root }) => {
      if (!root) throw new Error(`bucket ${bucket.id} has no root yet`);
      return { bucket: bucket.id, blocks: root.squares };
    });
  }

  /** The root of this version's commit is kept for `binNext`. */
  watch(version: Version): void {
    this.#watched.begin(version);
    this.#watchedVersion = version;
  }

  apply({ numLeaves, scalars }: StepUpdate, outboxes: readonly BulkOutbox[]): void {
    this.#early.forgetAll();
    const isWatched = this.#watchedVersion === scalars.updateIndex;
    this.#applied = [];
    for (const state of this.#states) {
      const gradients = this.#root(state, numLeaves);
      this.#optimizer.apply({ parameters: state.parameters, gradients, slots: state.slots }, scalars);
      this.#offer(state, scalars.updateIndex, outboxes);
      const { bucket, deliveries, root } = state;
      this.#applied.push({ bucket: bucket.id, root: root!.digest, deliveries });
      // The root, and parts of it that an answer left which could not be fetched whole.
      for (const { values } of state.held.values()) {
        if (isWatched && values === gradients) this.#watched.keep(bucket, values);
        else this.#release(values);
      }
      state.held.clear();
      state.root = null;
      state.deliveries = [];
    }
    this.#begin(scalars.updateIndex);
  }

  /** From now on gradients are collected that are computed with this version. */
  #begin(version: Version): void {
    this.#version = version;
    this.#digests.key = stepKeyOf(this.#hashSecret, version);
  }

  hashesOfApplied(): BucketHashes[] {
    return this.#applied;
  }

  /** See KeptGradient. */
  binNext(version: Version, tensors: readonly TensorRange[]): TensorPart[] | 'done' | 'replaced' {
    return this.#watched.binNext(version, tensors);
  }

  #offer(state: BucketState, version: Version, outboxes: readonly BulkOutbox[]): void {
    const format = this.#formats.weights;
    const key: BulkKey = { kind: 'weights', term: this.#term, version, level: 0, index: 0, format };
    const bytes = pack(state.parameters, format, state.offered);
    for (const outbox of outboxes) outbox.offer(key, state.bucket.id, bytes);
  }

  #root(state: BucketState, numLeaves: number): FloatVector {
    const root = state.held.get(nodeKey(rootOf(numLeaves)));
    if (!root) throw new Error(`bucket ${state.bucket.id} has no root yet`);
    return root.values;
  }

  /** Adds upwards as far as siblings are there. */
  #combine(state: BucketState, node: TreeNode, { values, root: known }: Arrival, numLeaves: number): void {
    const root = rootOf(numLeaves);
    let facts = known;
    while (node.level < root.level) {
      const parent = parentOf(node);
      if (childrenOf(parent, numLeaves).length === 2) {
        const sibling = state.held.get(nodeKey(siblingOf(node)));
        if (!sibling) break;
        state.held.delete(nodeKey(sibling.node));
        // What has come last is in the processor's cache.
        combineNodes(values, sibling.values, this.#formats.gradients);
        this.#release(sibling.values);
        facts = null;
      }
      node = parent;
    }
    state.held.set(nodeKey(node), { node, values });
    if (node.level === root.level) state.root = facts ?? this.#factsOf(values);
  }

  #take(length: number): FloatVector {
    return this.#free.get(length)?.pop() ?? this.#memory.allocate(length);
  }

  #release(vector: FloatVector): void {
    const vectors = this.#free.get(vector.length);
    if (vectors) vectors.push(vector);
    else this.#free.set(vector.length, [vector]);
  }
}

/** Whether a sum with all of the node's leaves is there already: then the node is a late twin. */
const isCovered = (state: BucketState, node: TreeNode, numLeaves: number): boolean =>
  [...state.held.values()].some((held) => contains(held.node, node, numLeaves));

/** Whether all leaves of the inner node are the outer one's. Nodes of a tree are nested or have no leaf in common. */
const contains = (outer: TreeNode, inner: TreeNode, numLeaves: number): boolean =>
  firstLeaf(outer) <= firstLeaf(inner) && endLeaf(inner, numLeaves) <= endLeaf(outer, numLeaves);
