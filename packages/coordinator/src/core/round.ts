/** A round: one version of the weights, and the leaves to compute with it. */
import type { RoundKind, Version } from '@unet-fleet/law';
import type { Round } from './types.ts';

export function newRound(
  kind: RoundKind,
  version: Version,
  now: number,
  numLeaves: number,
  numImages: number,
): Round {
  return {
    kind,
    version,
    startedAtMs: now,
    leaves: new Array(numLeaves).fill('pending'),
    attempts: new Array(numLeaves).fill(0),
    sums: new Array(numLeaves).fill(null),
    numImages,
    numImagesDone: 0,
    answers: [],
    collecting: [],
    repeated: [],
    complaints: [],
    confusion: null,
    committing: false,
  };
}

/** Sums of all leaves, added in leaf order whoever delivered them. */
export function totalOf(round: Round): { lossSum: number; weightSum: number } {
  let lossSum = 0;
  let weightSum = 0;
  for (const sums of round.sums) {
    lossSum += sums!.lossSum;
    weightSum += sums!.weightSum;
  }
  return { lossSum, weightSum };
}

/** Leaves whose loss or gradient was not finite: they count as having no valid pixel. */
export const skippedLeavesOf = (round: Round): number[] =>
  round.sums.flatMap((sums, leaf) => (sums!.isFinite ? [] : [leaf]));
