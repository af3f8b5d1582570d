/** What a score of one class is: a share of its pixels, from exact counts. */

export interface ClassCounts {
  numTruthPixels: number;
  numPredictedPixels: number;
  numCorrectPixels: number;
}

export interface ClassScore<M extends string | null> {
  /** As a sentence calls it; at the head of a column see headingOf. */
  title: string;
  /** Its unweighted mean over the classes that occur is one of a run's scores under this name; null: it has none. */
  mean: M;
  /** null where the class has none; one with a mean has a score wherever the class occurs in truth or prediction. */
  of(counts: ClassCounts): number | null;
}

/** Checks an entry, and keeps the name of its mean. */
export const defineScore = <const M extends string | null>(score: ClassScore<M>): ClassScore<M> => score;

/** null where there is nothing to divide by: then there is no score, and 0 would be one. */
export const ratio = (numerator: number, denominator: number): number | null =>
  denominator > 0 ? numerator / denominator : null;
