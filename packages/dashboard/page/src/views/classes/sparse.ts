/**
 * What the classes view computes from an evaluation's confusion matrix: scores by class, cells worth looking at, and the
 * leaves whose photos are behind a cell. Pure. Row = truth, column = prediction.
 */
import { type ClassMetrics, metricsOf } from '@unet-fleet/shared/metrics/metrics';
import type { Evaluation, SparseConfusion } from '../common/evaluation.ts';

export interface Cell {
  truth: number;
  prediction: number;
}

/** All cells, numClasses x numClasses. Throws if an index lies outside. */
export function denseConfusion({ indices, counts }: SparseConfusion, numClasses: number): Float64Array {
  const dense = new Float64Array(numClasses * numClasses);
  for (let entry = 0; entry < indices.length; entry++) {
    const index = indices[entry]!;
    if (!(index >= 0 && index < dense.length)) throw new Error(`cell ${index} of ${numClasses} classes`);
    dense[index] = counts[entry]!;
  }
  return dense;
}

/** Absent classes have no score, predicted-only ones score 0: the policy of every score of a run. */
export const classMetrics = (confusion: SparseConfusion, numClasses: number): ClassMetrics[] =>
  metricsOf(denseConfusion(confusion, numClasses), numClasses).classes;

export type SortKey = 'index' | 'name' | 'support' | 'iou' | 'precision' | 'recall';

/** Largest first but for names and indices; classes without a score last; ties by index. */
export function sortedClasses(
  classes: readonly ClassMetrics[],
  names: readonly string[],
  key: SortKey,
): ClassMetrics[] {
  const byIndex = (left: ClassMetrics, right: ClassMetrics) => left.classIndex - right.classIndex;
  if (key === 'index') return [...classes].sort(byIndex);
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

export interface Confusion extends Cell {
  count: number;
  /** Of the true class' pixels. */
  share: number;
}

/** The most frequent mistakes: cells off the diagonal by their pixels. */
export function largestConfusions(
  confusion: SparseConfusion,
  numClasses: number,
  limit: number,
): Confusion[] {
  const rowSums = sumsOfRows(confusion, numClasses);
  return confusion.indices
    .map((index, entry) => {
      const truth = Math.floor(index / numClasses);
      const count = confusion.counts[entry]!;
      return { truth, prediction: index % numClasses, count, share: count / rowSums[truth]! };
    })
    .filter(({ truth, prediction }) => truth !== prediction)
    .sort((left, right) => right.count - left.count)
    .slice(0, limit);
}

/** Pixels of each true class. */
function sumsOfRows({ indices, counts }: SparseConfusion, numClasses: number): Float64Array {
  const sums = new Float64Array(numClasses);
  indices.forEach((index, entry) => {
    sums[Math.floor(index / numClasses)]! += counts[entry]!;
  });
  return sums;
}

/** Count of one cell. */
export function countOf({ indices, counts }: SparseConfusion, cell: Cell, numClasses: number): number {
  const entry = indices.indexOf(cell.truth * numClasses + cell.prediction);
  return entry < 0 ? 0 : counts[entry]!;
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
  return leaves
    .map(({ sampleIds, confusion }) => ({ sampleIds, count: countOf(confusion, cell, numClasses) }))
    .filter(({ count }) => count > 0)
    .sort((left, right) => right.count - left.count)
    .slice(0, limit);
}
