/**
 * Scores from a confusion matrix: counts of pixels, row = truth, column = prediction, numClasses x numClasses, exact
 * integers in a Float64Array (exact up to 2^53 pixels). Counts add without rounding, so matrices of leaves merge in
 * any order to the same bits, and every score is derived once, from the merged matrix: never an average of averages.
 *
 * Policy for absent classes, the same for IoU and Dice:
 * - a class in neither truth nor prediction ("absent") has no score (null) and is left out of the means;
 * - a class that was predicted and is nowhere in the truth ("predicted-only") scores 0 and counts in the means;
 * - a class in the truth counts in the means, with 0 where it was never found.
 */

export type ClassPresence = 'present' | 'predicted-only' | 'absent';

export interface ClassMetrics {
  classIndex: number;
  presence: ClassPresence;
  numTruthPixels: number;
  numPredictedPixels: number;
  numCorrectPixels: number;
  /** Intersection over union; null where the class is absent. */
  iou: number | null;
  /** 2 * intersection / (truth + predicted), also called F1; null where the class is absent. */
  dice: number | null;
  /** Correct share of what was predicted; null where nothing was. */
  precision: number | null;
  /** Share of the truth that was found; null where there is none. */
  recall: number | null;
}

/** All null where no pixel counts: then there is no score, and 0 would be one. */
export interface MeanMetrics {
  /** Share of pixels whose class is right. */
  pixelAccuracy: number | null;
  /** Unweighted mean over the classes that are not absent. */
  meanIou: number | null;
  meanDice: number | null;
}

/** What predicting one class everywhere would score on the same truth. */
export interface BaselineMetrics extends MeanMetrics {
  /** The most frequent class of the truth; the lowest index among equals. */
  classIndex: number;
}

export interface Metrics extends MeanMetrics {
  numPixels: number;
  /** Classes that the means are over. */
  numClassesCounted: number;
  classes: ClassMetrics[];
  baseline: BaselineMetrics;
}

/** Scores of a confusion matrix. Throws if its length is not numClasses squared. */
export function metricsOf(confusion: Float64Array, numClasses: number): Metrics {
  if (confusion.length !== numClasses * numClasses) {
    throw new Error(`confusion matrix has ${confusion.length} cells, not ${numClasses} x ${numClasses}`);
  }
  const classes: ClassMetrics[] = [];
  let numPixels = 0;
  let numCorrect = 0;
  for (let classIndex = 0; classIndex < numClasses; classIndex++) {
    const scored = metricsOfClass(confusion, numClasses, classIndex);
    classes.push(scored);
    numPixels += scored.numTruthPixels;
    numCorrect += scored.numCorrectPixels;
  }
  const counted = classes.filter((scored) => scored.presence !== 'absent');
  return {
    numPixels,
    pixelAccuracy: ratio(numCorrect, numPixels),
    numClassesCounted: counted.length,
    meanIou: mean(counted.map((scored) => scored.iou!)),
    meanDice: mean(counted.map((scored) => scored.dice!)),
    classes,
    baseline: baselineOf(classes, numPixels),
  };
}

function metricsOfClass(confusion: Float64Array, numClasses: number, classIndex: number): ClassMetrics {
  let numTruthPixels = 0;
  let numPredictedPixels = 0;
  for (let other = 0; other < numClasses; other++) {
    numTruthPixels += confusion[classIndex * numClasses + other]!;
    numPredictedPixels += confusion[other * numClasses + classIndex]!;
  }
  const numCorrectPixels = confusion[classIndex * numClasses + classIndex]!;
  return {
    classIndex,
    presence: numTruthPixels > 0 ? 'present' : numPredictedPixels > 0 ? 'predicted-only' : 'absent',
    numTruthPixels,
    numPredictedPixels,
    numCorrectPixels,
    iou: ratio(numCorrectPixels, numTruthPixels + numPredictedPixels - numCorrectPixels),
    dice: ratio(2 * numCorrectPixels, numTruthPixels + numPredictedPixels),
    precision: ratio(numCorrectPixels, numPredictedPixels),
    recall: ratio(numCorrectPixels, numTruthPixels),
  };
}

function baselineOf(classes: ClassMetrics[], numPixels: number): BaselineMetrics {
  let top = 0;
  let numClassesInTruth = 0;
  classes.forEach(({ numTruthPixels }, classIndex) => {
    if (numTruthPixels > 0) numClassesInTruth++;
    if (numTruthPixels > classes[top]!.numTruthPixels) top = classIndex;
  });
  const numTop = classes[top]?.numTruthPixels ?? 0;
  // The one predicted class is in the truth, so the means are over the truth's classes: one with a score, the
  // others with 0.
  return {
    classIndex: top,
    pixelAccuracy: ratio(numTop, numPixels),
    meanIou: ratio(numTop / numPixels, numClassesInTruth),
    meanDice: ratio((2 * numTop) / (numPixels + numTop), numClassesInTruth),
  };
}

const ratio = (numerator: number, denominator: number): number | null =>
  denominator > 0 ? numerator / denominator : null;

const mean = (values: number[]): number | null =>
  ratio(
    values.reduce((sum, value) => sum + value, 0),
    values.length,
  );
