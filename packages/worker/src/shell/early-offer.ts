/**
 * Offers a node bucket by bucket while its last leaf is still computed: once the leaf's gradients in a bucket are complete,
 * they are added to what the node has of its other leaves, and go out. What this file keeps true: the sums of the other
 * leaves stay as they are, so that a leaf that turns out not finite, or is broken off, leaves no trace but its withdrawn
 * offers; and a bucket has the bits that adding whole vectors over the tree gives.
 */
import type { Bucket, TensorSpec, ValueFormat } from '@unet-fleet/law';
import {
  blockSumsOfSquares,
  combineNodes,
  type FloatVector,
  roundLeaf,
  sumBlocks,
} from '@unet-fleet/numerics';

/** A tensor's place in the flat vector. */
export type TensorPlace = Pick<TensorSpec, 'offset' | 'size'>;

/** Where the buckets of a node go before its result does. */
export interface EarlyPort {
  /** The vector is left as the port needs it. */
  offer(bucket: number, values: FloatVector): void;
  /** Takes all of them back. */
  withdraw(): void;
}

interface Part {
  bucket: Bucket;
  /** Tensors that are not complete. */
  numMissing: number;
  /** Of the leaf's gradient, in the blocks of the norm; null before it is offered. */
  squares: Float64Array | null;
}

export class EarlyOffer {
  readonly #gradients: FloatVector;
  readonly #lefts: readonly FloatVector[];
  readonly #port: EarlyPort;
  /** In the order of the flat vector. */
  readonly #parts: Part[];
  readonly #format: ValueFormat;
  readonly #tensors: readonly TensorPlace[];
  #isFinite = true;
  /** What an offer has failed with. */
  #failure: { error: unknown } | null = null;

  /**
   * `gradients`: of the leaf. `lefts`: sums that are still to be added to it, in the order of the tree, the nearest first.
   * `tensors`: by parameter.
   */
  constructor(
    gradients: FloatVector,
    lefts: readonly FloatVector[],
    buckets: readonly Bucket[],
    format: ValueFormat,
    tensors: readonly TensorPlace[],
    port: EarlyPort,
  ) {
    this.#gradients = gradients;
    this.#lefts = lefts;
    this.#port = port;
    this.#format = format;
    this.#tensors = tensors;
    this.#parts = buckets.map((bucket) => ({
      bucket,
      numMissing: tensors.filter((tensor) => isIn(tensor, bucket)).length,
      squares: null,
    }));
  }

  /**
   * The leaf's gradient of a parameter is complete; to be told of each once. Does not throw: the engine, which tells, can do
   * nothing about an offer that fails, and goes on.
   */
  complete(parameterIndex: number): void {
    const tensor = this.#tensors[parameterIndex]!;
    for (const part of this.#parts) {
      if (!isIn(tensor, part.bucket)) continue;
      part.numMissing--;
      if (part.numMissing > 0 || !this.#isFinite || this.#failure) continue;
      try {
        this.#offer(part);
      } catch (error) {
        this.#failure = { error };
      }
    }
  }

  /**
   * The leaf is computed. The norm of its gradient, in whose vector the node lies from now on as it was offered; NaN if there is a
   * number that is not finite: then nothing is offered, and nothing in the vector is of use. Throws what an offer has failed with.
   */
  finish(): number {
    if (this.#failure) throw this.#failure.error;
    for (const part of this.#parts) if (!part.squares && this.#isFinite) this.#offer(part);
    if (!this.#isFinite) return Number.NaN;
    return Math.sqrt(sumBlocks(this.#parts.map(({ squares }) => squares!)));
  }

  /** Nothing of the leaf is of use. */
  withdraw(): void {
    this.#isFinite = false;
    this.#port.withdraw();
  }

  #offer(part: Part): void {
    const { id, offset, length } = part.bucket;
    const values = this.#gradients.part(offset, length);
    roundLeaf(values, this.#format);
    part.squares = blockSumsOfSquares(values);
    if (Number.isFinite(sumBlocks([part.squares]))) {
      for (const left of this.#lefts) combineNodes(values, left.part(offset, length), this.#format);
      this.#port.offer(id, values);
    } else this.withdraw();
  }
}

const isIn = ({ offset, size }: TensorPlace, bucket: Bucket): boolean =>
  offset < bucket.offset + bucket.length && bucket.offset < offset + size;
