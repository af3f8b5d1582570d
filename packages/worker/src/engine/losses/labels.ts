/** Labels made ready for a loss: which pixels count, and how much. */

export interface LossOptions {
  ignoreIndex: number;
  /** One weight per class, or null for all 1. */
  classWeights: number[] | null;
}

export interface PixelLabels {
  /** A class for every pixel; any for one that does not count. */
  classes: Int32Array;
  /** Weight of each pixel; null when all count 1. */
  weights: Float32Array | null;
}

/** Throws where a label is no class; so call it before anything is computed. */
export function readLabels(labels: Int32Array, numClasses: number, options: LossOptions): PixelLabels {
  const { ignoreIndex, classWeights } = options;
  let isPlain = classWeights === null;
  for (const label of labels) {
    if (label === ignoreIndex) isPlain = false;
    else if (label < 0 || label >= numClasses) throw new Error(`label ${label} of ${numClasses} classes`);
  }
  if (isPlain) return { classes: labels, weights: null };
  return {
    classes: labels.map((label) => (label === ignoreIndex ? 0 : label)),
    weights: Float32Array.from(labels, (label) => (label === ignoreIndex ? 0 : (classWeights?.[label] ?? 1))),
  };
}
