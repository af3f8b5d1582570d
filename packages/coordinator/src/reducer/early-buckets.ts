/**
 * Buckets of a node that are here before its result is: a worker offers each the moment it is complete, while it still
 * computes, and they are taken over beside whatever else goes on. What this file keeps true: nothing of them is added
 * before the core has accepted the result, and then only what the worker still offers. What looking at it costs, for hashes
 * and norm, is done by then. A leaf that turns out not finite,
 * or is broken off, has its offers withdrawn or written anew, and what was taken of it before is thrown away.
 */
import type { Bucket } from '@unet-fleet/law';
import { type FloatVector, packedPlace } from '@unet-fleet/numerics';
import type { Clock } from '@unet-fleet/shared';
import { type BulkKey, bulkKeyText, type EarlyInbox, lookUntilThere, type OfferMark } from '@unet-fleet/wire';

/** Workers of whom something is kept: each has a node's gradient at most. */
const maxPeers = 16;

/** A bucket of a node that has come, and what is found out about it while it is in the processor's cache. */
export interface Arrival {
  values: FloatVector;
  digest: Uint8Array;
  /** Null where it is not known to be the root of its step. */
  root: RootFacts | null;
}

/** Of a root's bucket. */
export interface RootFacts {
  /** In the blocks of the global norm. */
  squares: Float64Array;
  digest: Uint8Array;
}

interface Early extends Arrival {
  mark: OfferMark;
}

/** The node of a worker's lease that it computes now. */
interface Expected {
  keyText: string;
  byBucket: Map<number, Early>;
  /** Goes on to the next node of the lease. */
  next(): void;
}

export interface VectorStore {
  take(length: number): FloatVector;
  release(vector: FloatVector): void;
  /** The bucket lies in the vector as it travels. */
  arrived(values: FloatVector, key: BulkKey): Arrival;
}

export class EarlyBuckets {
  readonly #vectors: VectorStore;
  readonly #byPeer = new Map<string, Expected>();

  constructor(vectors: VectorStore) {
    this.#vectors = vectors;
  }

  /**
   * Takes the buckets of the nodes over as they come: of one node until it is collected, then of the next, until others are
   * expected or the peer is forgotten.
   */
  expect(
    inbox: EarlyInbox,
    peer: string,
    [key, ...rest]: readonly BulkKey[],
    buckets: readonly Bucket[],
    clock: Clock,
  ): void {
    this.forget(peer);
    if (!key || this.#byPeer.size >= maxPeers) return;
    const next = () => this.expect(inbox, peer, rest, buckets, clock);
    const expected: Expected = { keyText: bulkKeyText(key), byBucket: new Map(), next };
    this.#byPeer.set(peer, expected);
    void this.#takeOver(inbox, peer, key, buckets, expected, clock);
  }

  async #takeOver(
    inbox: EarlyInbox,
    peer: string,
    key: BulkKey,
    buckets: readonly Bucket[],
    expected: Expected,
    clock: Clock,
  ): Promise<void> {
    const isWanted = () => this.#byPeer.get(peer) === expected;
    // A backward pass completes the last layers first.
    for (const { id, length } of buckets.toReversed()) {
      const values = this.#vectors.take(length);
      const look = () => {
        const mark = inbox.takeIfThere(peer, key, id, packedPlace(values, key.format));
        if (mark) expected.byBucket.set(id, { ...this.#vectors.arrived(values, key), mark });
        return mark !== null;
      };
      if (await lookUntilThere(look, isWanted, clock)) continue;
      this.#vectors.release(values);
      return;
    }
  }

  /** The bucket, if it is here and still what the peer offers; the vector is the caller's then. */
  take(inbox: EarlyInbox | undefined, peer: string, key: BulkKey, bucket: number): Arrival | null {
    const expected = this.#byPeer.get(peer);
    if (!inbox || expected?.keyText !== bulkKeyText(key)) return null;
    const early = expected.byBucket.get(bucket);
    if (!early || !inbox.stands(peer, key, bucket, early.mark)) return null;
    expected.byBucket.delete(bucket);
    return early;
  }

  /** The node needs no more of what was taken of it. */
  collected(peer: string, key: BulkKey): void {
    const expected = this.#byPeer.get(peer);
    if (expected?.keyText === bulkKeyText(key)) expected.next();
  }

  /** Nothing more is expected of the peer. */
  forget(peer: string): void {
    const expected = this.#byPeer.get(peer);
    this.#byPeer.delete(peer);
    for (const { values } of expected?.byBucket.values() ?? []) this.#vectors.release(values);
  }

  forgetAll(): void {
    for (const peer of [...this.#byPeer.keys()]) this.forget(peer);
  }
}
