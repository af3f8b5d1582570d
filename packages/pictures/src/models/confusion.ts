/**
 * A confusion matrix as it is looked at: which classes have a row, what a cell says, which mistakes are the largest. Row =
 * truth, column = prediction, numClasses x numClasses. Pure.
 */
import type { ClassMetrics } from '@unet-fleet/law';

/** Entries that are not 0: their indices truth * numClasses + prediction, and their pixels. */
export interface SparseConfusion {
  indices: readonly number[];
  counts: readonly number[];
}

export interface Cell {
  truth: number;
  prediction: number;
}

export interface CountedCell extends Cell {
  /** Pixels. */
  count: number;
  /** Of the true class's pixels; null where there are none. */
  share: number | null;
}

/** All cells. Throws if an index lies outside. */
export function denseConfusion({ indices, counts }: SparseConfusion, numClasses: number): Float64Array {
  const dense = new Float64Array(numClasses * numClasses);
  for (let entry = 0; entry < indices.length; entry++) {
    const index = indices[entry]!;
    if (!(index >= 0 && index < dense.length)) throw new Error(`cell ${index} of ${numClasses} classes`);
    dense[index] = counts[entry]!;
  }
  return dense;
}

/** `classes`: the metrics of this matrix. */
export function cellOf(
  dense: Float64Array,
  classes: readonly ClassMetrics[],
  { truth, prediction }: Cell,
): CountedCell {
  const count = dense[truth * classes.length + prediction]!;
  const total = classes[truth]!.numTruthPixels;
  return { truth, prediction, count, share: total > 0 ? count / total : null };
}

/** Classes that occur in truth or prediction, those with most true pixels first. */
export const occurringClasses = (classes: readonly ClassMetrics[]): ClassMetrics[] =>
  classes
    .filter(({ presence }) => presence !== 'absent')
    .sort((a, b) => b.numTruthPixels - a.numTruthPixels || a.classIndex - b.classIndex);

/** Cells off the diagonal that have pixels, the largest first. */
export function mistakesIn(dense: Float64Array, classes: readonly ClassMetrics[]): CountedCell[] {
  const mistakes: CountedCell[] = [];
  for (let index = 0; index < dense.length; index++) {
    const cell = { truth: Math.floor(index / classes.length), prediction: index % classes.length };
    if (dense[index]! > 0 && cell.truth !== cell.prediction) mistakes.push(cellOf(dense, classes, cell));
  }
  return mistakes.sort((a, b) => b.count - a.count);
}
