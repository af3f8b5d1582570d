/**
 * Toy numerics in place of tensors: what a leaf amounts to is a hash of the weights' bits and the leaf's number. Its
 * values have random mantissas over wide exponents, so that adding them in another order, or with other weights, or
 * one of them twice, shows in the bits.
 */
import type { LeafSums } from '@unet-fleet/law';

export interface ToyLeaf {
  gradients: Float32Array;
  statistics: Float32Array;
  sums: LeafSums;
}

export interface ToyValidation {
  lossSum: number;
  weightSum: number;
  /** Counts of 2 x 2 classes. */
  confusion: number[];
}

export const numClasses = 2;
/** Of the loss that has them. */
export const numTotals = 6;
export const numParameters = 5;
export const numStatistics = 2;

const mixed = (hash: number, value: number): number => {
  let h = Math.imul(hash ^ value, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

/** Number of a version of the weights: any other bit anywhere gives another number. */
export function weightsKeyOf(parameters: Float32Array, statistics: Float32Array): number {
  let hash = 0x811c9dc5;
  for (const vector of [parameters, statistics]) {
    const bits = new Uint32Array(vector.buffer, vector.byteOffset, vector.length);
    for (const word of bits) hash = mixed(hash, word);
  }
  return hash;
}

const oneFloat = new Float32Array(1);
const oneWord = new Uint32Array(oneFloat.buffer);

/** A float32 of any sign and mantissa, with an exponent of -8 to 8. */
function floatOf(hash: number): number {
  const exponent = 127 - 8 + (((hash >>> 23) & 0xff) % 17);
  oneWord[0] = (hash & 0x80000000) | (exponent << 23) | (mixed(hash, 0x51ed27) & 0x7fffff);
  return oneFloat[0]!;
}

/**
 * A training leaf. Depends on the weights, the step and the leaf, on the totals of a loss that has them, and on nothing
 * else.
 */
export function trainLeaf(
  weightsKey: number,
  step: number,
  leaf: number,
  isUsable: boolean,
  totals: readonly number[] = [],
): ToyLeaf {
  const gradients = new Float32Array(numParameters);
  const statistics = new Float32Array(numStatistics);
  if (!isUsable) {
    const sums = { lossSum: 0, weightSum: 0, gradientNorm: 0, isFinite: false };
    return { gradients, statistics, sums };
  }
  const words = new Uint32Array(Float64Array.from(totals).buffer);
  const hash = words.reduce(mixed, mixed(mixed(weightsKey, step + 1), leaf + 1));
  for (let i = 0; i < numParameters; i++) gradients[i] = floatOf(mixed(hash, i));
  for (let i = 0; i < numStatistics; i++) statistics[i] = Math.abs(floatOf(mixed(hash, 64 + i)));
  let squares = 0;
  for (const value of gradients) squares += value * value;
  const lossSum = mixed(hash, 128) / 0x100000 / 3;
  const weightSum = 1 + (mixed(hash, 129) % 1000);
  return {
    gradients,
    statistics,
    sums: { lossSum, weightSum, gradientNorm: Math.sqrt(squares), isFinite: true },
  };
}

/** What the leaf of a step adds to the totals, with so many bits that their sum depends on its order. */
export const addendsOf = (weightsKey: number, step: number, leaf: number): number[] =>
  Array.from({ length: numTotals }, (_, i) =>
    Math.abs(floatOf(mixed(mixed(mixed(weightsKey, step + 0x1000), leaf + 1), i)) / 3),
  );

export function validationLeaf(weightsKey: number, leaf: number): ToyValidation {
  const hash = mixed(mixed(weightsKey, 0x7fffffff), leaf + 1);
  return {
    lossSum: mixed(hash, 1) / 0x100000 / 3,
    weightSum: 1 + (mixed(hash, 2) % 1000),
    confusion: [3, 4, 5, 6].map((i) => mixed(hash, i) % 5),
  };
}
