/** What a score of one class is: a share of its pixels, from exact counts. */

export interface ClassCounts {
  numTruthPixels: number;
  numPredictedPixels: number;
  numCorrectPixels: number;
}

export interface ClassScore<M extends string | null, B extends string | null> {
  /** As a sentence calls it; at the head of a column see headingOf. */
  title: string;
  /** Its unweighted mean over the classes that occur is one of a run's scores under this name; null: it has none. */
  mean: M;
  /**
   * Each validation's event has it by class under this name, and its mean with it; null: it is computed where it is shown,
   * from the confusion matrices that evaluations keep.
   */
  byClass: B;
  /** null where the class has none; one with a mean has a score wherever the class occurs in truth or prediction. */
  of(counts: ClassCounts): number | null;
}

/** Checks an entry, and keeps the names that it gives. */
export const defineScore = <const M extends string | null, const B extends string | null>(
  score: ClassScore<M, B>,
): ClassScore<M, B> => score;

/** null where there is nothing to divide by: then there is no score, and 0 would be one. */
export const ratio = (numerator: number, denominator: number): number | null =>
  denominator > 0 ? numerator / denominator : null;
