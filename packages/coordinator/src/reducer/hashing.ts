/**
 * Hashes of gradients: what the ledger keeps of a step, and what a replay compares. A vector's hash is the SHA-256 of its
 * buckets' digests, in the order of the buckets, so that neither the number of reducers nor the order of arrival changes it. A
 * bucket is folded under a key before it is hashed (numerics/fold.ts), which is several times as fast as hashing it all. What
 * this file keeps true: nobody who delivers values knows the key under which they are hashed before the step is committed,
 * so that nobody can choose other values of the same hash. The root is hashed once more under a key that everybody
 * knows, for people who compare runs.
 */
import { createHash, hash } from 'node:crypto';
import { parameterBuckets, type Version } from '@unet-fleet/law';
import { type FloatVector, Fold, foldKeyBytes, type NumericMemory } from '@unet-fleet/numerics';

/** In one call: a hash object has a native part, which a collector has to look after. */
export const digestOf = (values: ArrayBufferView): Uint8Array =>
  hash('sha256', new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 'buffer');

/** The hash of a vector, in hexadecimal, from the digests of its parts in their order. */
export function combineDigests(digests: Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  for (const digest of digests) hash.update(digest);
  return hash.digest('hex');
}

/** Of what is delivered for the step on this version, in hexadecimal; `secret`: of the coordinator's start. */
export const stepKeyOf = (secret: Uint8Array, version: Version): string =>
  createHash('sha256').update(secret).update(`step on version ${version}`).digest('hex');

const rootKey = 'unet-fleet: the gradient of a step';

/** Digests of vectors in one memory, under one key at a time. */
class KeyedDigests {
  readonly #fold: Fold;

  constructor(memory: NumericMemory) {
    this.#fold = new Fold(memory);
  }

  set key(text: string) {
    this.#fold.key = createHash('shake256', { outputLength: foldKeyBytes }).update(text).digest();
  }

  of(vector: FloatVector): Uint8Array {
    // Vectors that differ in zeros at their end are folded alike.
    const length = new Uint8Array(Uint32Array.of(vector.length).buffer);
    return digestOf(Buffer.concat([length, this.#fold.of(vector)]));
  }
}

/** Digests of buckets. */
export interface GradientDigests {
  ofRoot(bucket: FloatVector): Uint8Array;
  ofDelivery(bucket: FloatVector): Uint8Array;
}

/** Under the key of one step after another. */
export class StepDigests implements GradientDigests {
  readonly #root: KeyedDigests;
  readonly #delivery: KeyedDigests;

  constructor(memory: NumericMemory) {
    this.#root = new KeyedDigests(memory);
    this.#root.key = rootKey;
    this.#delivery = new KeyedDigests(memory);
  }

  /** As stepKeyOf gives it. */
  set key(key: string) {
    this.#delivery.key = key;
  }

  ofRoot(bucket: FloatVector): Uint8Array {
    return this.#root.of(bucket);
  }

  ofDelivery(bucket: FloatVector): Uint8Array {
    return this.#delivery.of(bucket);
  }
}

const digestOfAll = ({ view }: FloatVector): Uint8Array => digestOf(view);
/** Of ledgers without a key, of before there were any. */
export const plainDigests: GradientDigests = { ofRoot: digestOfAll, ofDelivery: digestOfAll };

const buckets = (gradient: FloatVector): FloatVector[] =>
  parameterBuckets(gradient.length).map(({ offset, length }) => gradient.part(offset, length));

/** Of the root gradient of a step. */
export const gradientSha256 = (gradient: FloatVector, digests: GradientDigests): string =>
  combineDigests(buckets(gradient).map((bucket) => digests.ofRoot(bucket)));

/** Of an answer: the gradient of a node, and the statistics of its leaves in leaf order. */
export const nodeSha256 = (
  gradient: FloatVector,
  statistics: Float32Array,
  digests: GradientDigests,
): string =>
  combineDigests([...buckets(gradient).map((bucket) => digests.ofDelivery(bucket)), digestOf(statistics)]);
