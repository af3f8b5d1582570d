/**
 * What the classes view computes from an evaluation: classes in an order, and the leaves whose photos are behind a cell of
 * the confusion matrix. Pure.
 */

import type { ClassMetrics, ClassScoreName } from '@unet-fleet/law';
import type { Cell } from '@unet-fleet/pictures/models/confusion';
import type { Evaluation } from '../common/evaluation.ts';

export type SortKey = 'name' | 'support' | ClassScoreName;

/** Largest first but for names and indices; classes without a score last; ties by index. */
export function sortedClasses(
  classes: readonly ClassMetrics[],
  names: readonly string[],
  key: SortKey,
): ClassMetrics[] {
  const byIndex = (left: ClassMetrics, right: ClassMetrics) => left.classIndex - right.classIndex;
  if (key === 'name') {
    const name = ({ classIndex }: ClassMetrics) => names[classIndex] ?? '';
    return [...classes].sort((left, right) => name(left).localeCompare(name(right)) || byIndex(left, right));
  }
  const value = (scored: ClassMetrics): number => {
    if (key !== 'support') return scored[key] ?? -1;
    return scored.presence === 'absent' ? -1 : scored.numTruthPixels;
  };
  return [...classes].sort((left, right) => value(right) - value(left) || byIndex(left, right));
}

export interface Contribution {
  sampleIds: string[];
  /** Of the cell, over the photos of the leaf. */
  count: number;
}

/** Leaves that contribute most to a cell, largest first; those with nothing are left out. */
export function leavesBehind(
  leaves: Evaluation['leaves'],
  cell: Cell,
  numClasses: number,
  limit: number,
): Contribution[] {
  const index = cell.truth * numClasses + cell.prediction;
  return leaves
    .map(({ sampleIds, confusion: { indices, counts } }) => ({
      sampleIds,
      count: counts[indices.indexOf(index)] ?? 0,
    }))
    .filter(({ count }) => count > 0)
    .sort((left, right) => right.count - left.count)
    .slice(0, limit);
}
