/**
 * Leaves whose gradient is far larger than those before them, which most often means a sample with a wrong mask or a
 * damaged photo. Median and median absolute deviation over a window, because the outliers themselves must not move
 * what they are measured by. Only ever a warning: no weight depends on it.
 */

/** Leaves whose norms are remembered, and the number of them before the first judgement. */
const windowLeaves = 128;
const fewestLeaves = 32;

/**
 * How many deviations above the median a norm must lie. Norms of leaves are skewed, not normal: the usual 3 would
 * report one leaf in ten.
 */
const limitDeviations = 12;
/** A deviation counts as at least this share of the median, for runs whose leaves are nearly alike. */
const smallestDeviationShare = 0.05;
/** Scales the median absolute deviation to the standard deviation of a normal distribution. */
const madScale = 1.4826;

/** Norms of the latest leaves, oldest first. */
export type NormHistory = readonly number[];

export interface LeafNorm {
  /** Of the leaf's gradient sum. */
  gradientNorm: number;
  weightSum: number;
  isFinite: boolean;
}

export interface NormOutlier {
  leaf: number;
  /** Of the leaf's mean gradient. */
  norm: number;
  /** Of the leaves before it. */
  median: number;
}

export const initialNorms = (): NormHistory => [];

/** Looks at the leaves of a step, in leaf order. Leaves without a valid pixel are passed over. */
export function outliersOf(
  history: NormHistory,
  leaves: readonly LeafNorm[],
): { history: NormHistory; outliers: NormOutlier[] } {
  const norms = [...history];
  const outliers: NormOutlier[] = [];
  leaves.forEach((sums, leaf) => {
    if (!sums.isFinite || sums.weightSum <= 0) return;
    const norm = sums.gradientNorm / sums.weightSum;
    if (norms.length >= fewestLeaves) {
      const median = medianOf(norms);
      const deviation = madScale * medianOf(norms.map((other) => Math.abs(other - median)));
      const limit = median + limitDeviations * Math.max(deviation, smallestDeviationShare * median);
      if (norm > limit) outliers.push({ leaf, norm, median });
    }
    norms.push(norm);
    if (norms.length > windowLeaves) norms.shift();
  });
  return { history: norms, outliers };
}

/** Of at least one number; the mean of the middle two where their count is even. */
export function medianOf(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
