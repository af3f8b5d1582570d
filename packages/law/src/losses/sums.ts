/**
 * What leaves add up to. Float64, from 0 and in the order of the leaves, whoever computed them and whenever they came: so
 * the totals that a gradient depends on have the same bits for any number of workers.
 */
import type { FirstPass, LeafSums } from '../course/step-record.ts';
import { type LossName, totalsOf } from './index.ts';
import type { LossTotals } from './loss.ts';

/** Losses and weights, as the leaves say them. */
export function lossSums(leaves: readonly LeafSums[]): { lossSum: number; weightSum: number } {
  let lossSum = 0;
  let weightSum = 0;
  for (const leaf of leaves) {
    lossSum += leaf.lossSum;
    weightSum += leaf.weightSum;
  }
  return { lossSum, weightSum };
}

/** The leaf's part of the totals on top of them, in place. A leaf that is left out has none. */
export function addToTotals(totals: number[], { addends = [] }: Pick<LeafSums, 'addends'>): void {
  addends.forEach((addend, i) => {
    totals[i]! += addend;
  });
}

/** Of all leaves of a step, in their order. */
export function firstPassOf(loss: LossTotals, numClasses: number, leaves: readonly LeafSums[]): FirstPass {
  const totals = new Array<number>(loss.count(numClasses)).fill(0);
  for (const leaf of leaves) addToTotals(totals, leaf);
  return { totals, skippedLeaves: skippedOf(leaves) };
}

/** The loss over leaves that no gradient is wanted of, which have addends where the loss has totals. */
export function lossOfLeaves(
  loss: LossName,
  numClasses: number,
  leaves: readonly LeafSums[],
): { lossSum: number; weightSum: number } {
  const ofLoss = totalsOf(loss);
  return ofLoss ? ofLoss.lossOf(firstPassOf(ofLoss, numClasses, leaves).totals) : lossSums(leaves);
}

/** Places of the leaves that are left out. */
export const skippedOf = (leaves: readonly LeafSums[]): number[] =>
  leaves.flatMap((sums, leaf) => (sums.isFinite ? [] : [leaf]));
