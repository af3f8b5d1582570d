/**
 * Hashes of gradients: what the ledger keeps of a step, and what a replay compares. A vector's hash is the SHA-256 of
 * its buckets' SHA-256, in the order of the buckets, so that neither the number of reducers nor the order of arrival
 * changes it. 124 MB take about 85 ms, so a reducer hashes beside its other work, a bucket at a time: a vector that
 * is still to be hashed is neither overwritten nor used again before.
 */
import { createHash, hash } from 'node:crypto';
import { parameterBuckets } from '@unet-fleet/law';
import type { FloatVector } from '@unet-fleet/numerics';

/** In one call: a hash object has a native part, which a collector has to look after. */
export const digestOf = (values: ArrayBufferView): Uint8Array =>
  hash('sha256', new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 'buffer');

/** The hash of a vector, in hexadecimal, from the digests of its parts in their order. */
export function combineDigests(digests: Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  for (const digest of digests) hash.update(digest);
  return hash.digest('hex');
}

const bucketDigests = (gradient: Float32Array): Uint8Array[] =>
  parameterBuckets(gradient.length).map(({ offset, length }) =>
    digestOf(gradient.subarray(offset, offset + length)),
  );

/** Of the root gradient of a step. */
export const gradientSha256 = (gradient: Float32Array): string => combineDigests(bucketDigests(gradient));

/** Of an answer: the gradient of a node, and the statistics of its leaves in leaf order. */
export const nodeSha256 = (gradient: Float32Array, statistics: Float32Array): string =>
  combineDigests([...bucketDigests(gradient), digestOf(statistics)]);

/** Of one vector; the digest is null until it is hashed. */
export interface HashJob {
  digest: Uint8Array | null;
}

export class Hashing {
  readonly #jobs = new Map<FloatVector, HashJob>();
  /** Vectors that wait for nothing but their hash. */
  readonly #released = new Set<FloatVector>();
  readonly #maxReleased: number;
  readonly #free: (vector: FloatVector) => void;

  /** `free` is told of a released vector once it may be used again; at most `maxReleased` wait for that. */
  constructor(maxReleased: number, free: (vector: FloatVector) => void) {
    this.#maxReleased = maxReleased;
    this.#free = free;
  }

  /** Has the vector hashed as it is now, some time later. */
  add(vector: FloatVector): HashJob {
    const known = this.#jobs.get(vector);
    if (known) return known;
    const job: HashJob = { digest: null };
    this.#jobs.set(vector, job);
    return job;
  }

  isWaiting(vector: FloatVector): boolean {
    return this.#jobs.has(vector);
  }

  /** Hashes the vector at once if it is still to be: it is about to change. */
  settle(vector: FloatVector): void {
    const job = this.#jobs.get(vector);
    if (!job) return;
    this.#jobs.delete(vector);
    job.digest = digestOf(vector.view);
    if (this.#released.delete(vector)) this.#free(vector);
  }

  /** The vector's values are needed for nothing but its hash. */
  release(vector: FloatVector): void {
    if (!this.#jobs.has(vector)) {
      this.#free(vector);
      return;
    }
    this.#released.add(vector);
    if (this.#released.size > this.#maxReleased) this.settle(this.#released.values().next().value!);
  }

  /** Hashes one vector. False: there is none. */
  hashNext(): boolean {
    const next = this.#jobs.keys().next();
    if (next.done) return false;
    this.settle(next.value);
    return true;
  }
}
