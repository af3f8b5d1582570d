/**
 * Scores from a confusion matrix: counts of pixels, row = truth, column = prediction, numClasses x numClasses, exact
 * integers in a Float64Array (exact up to 2^53 pixels). Counts add without rounding, so matrices of leaves merge in
 * any order to the same bits, and every score is derived once, from the merged matrix: never an average of averages.
 *
 * Policy for absent classes, the same for every score that has a mean:
 * - a class in neither truth nor prediction ("absent") has no score (null) and is left out of the means;
 * - a class that was predicted and is nowhere in the truth ("predicted-only") scores 0 and counts in the means;
 * - a class in the truth counts in the means, with 0 where it was never found.
 */

import { type ClassCounts, ratio } from './class-scores/class-score.ts';
import {
  type ClassScoreName,
  classMeans,
  classScoreNames,
  classScores,
  type MeanName,
  type RecordedScores,
  recordedScores,
} from './class-scores/index.ts';

export type ClassPresence = 'present' | 'predicted-only' | 'absent';

/** Each score is null where the class has none. */
export interface ClassMetrics extends ClassCounts, Record<ClassScoreName, number | null> {
  classIndex: number;
  presence: ClassPresence;
}

/** All null where no pixel counts: then there is no score, and 0 would be one. */
export interface MeanMetrics extends Record<MeanName, number | null> {
  /** Share of pixels whose class is right. */
  pixelAccuracy: number | null;
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
  for (let classIndex = 0; classIndex < numClasses; classIndex++) {
    const scored = scoresOf(classIndex, countsOf(confusion, numClasses, classIndex));
    classes.push(scored);
    numPixels += scored.numTruthPixels;
  }
  return {
    numPixels,
    numClassesCounted: countedOf(classes).length,
    ...meansOf(classes, numPixels),
    classes,
    baseline: baselineOf(classes, numPixels),
  };
}

/** What a validation's event has of them. */
export const recordedOf = (metrics: Metrics): RecordedScores =>
  Object.fromEntries(
    recordedScores.flatMap(({ of, mean, byClass }) => [
      [mean, metrics[mean]],
      [byClass, metrics.classes.map((scored) => scored[of])],
    ]),
  ) as RecordedScores;

function countsOf(confusion: Float64Array, numClasses: number, classIndex: number): ClassCounts {
  let numTruthPixels = 0;
  let numPredictedPixels = 0;
  for (let other = 0; other < numClasses; other++) {
    numTruthPixels += confusion[classIndex * numClasses + other]!;
    numPredictedPixels += confusion[other * numClasses + classIndex]!;
  }
  const numCorrectPixels = confusion[classIndex * numClasses + classIndex]!;
  return { numTruthPixels, numPredictedPixels, numCorrectPixels };
}

function scoresOf(classIndex: number, counts: ClassCounts): ClassMetrics {
  const { numTruthPixels, numPredictedPixels } = counts;
  const scores = classScoreNames.map((name) => [name, classScores[name].of(counts)] as const);
  return {
    classIndex,
    presence: numTruthPixels > 0 ? 'present' : numPredictedPixels > 0 ? 'predicted-only' : 'absent',
    ...counts,
    ...(Object.fromEntries(scores) as Record<ClassScoreName, number | null>),
  };
}

const countedOf = (classes: ClassMetrics[]): ClassMetrics[] =>
  classes.filter(({ presence }) => presence !== 'absent');

function meansOf(classes: ClassMetrics[], numPixels: number): MeanMetrics {
  const counted = countedOf(classes);
  const numCorrect = classes.reduce((sum, { numCorrectPixels }) => sum + numCorrectPixels, 0);
  const means = classMeans.map(({ name, of }) => [name, mean(counted.map((scored) => scored[of]!))] as const);
  return {
    pixelAccuracy: ratio(numCorrect, numPixels),
    ...(Object.fromEntries(means) as Record<MeanName, number | null>),
  };
}

function baselineOf(classes: ClassMetrics[], numPixels: number): BaselineMetrics {
  let top = 0;
  classes.forEach(({ numTruthPixels }, classIndex) => {
    if (numTruthPixels > classes[top]!.numTruthPixels) top = classIndex;
  });
  const predicted = classes.map(({ classIndex, numTruthPixels }) =>
    scoresOf(classIndex, {
      numTruthPixels,
      numPredictedPixels: classIndex === top ? numPixels : 0,
      numCorrectPixels: classIndex === top ? numTruthPixels : 0,
    }),
  );
  return { classIndex: top, ...meansOf(predicted, numPixels) };
}

const mean = (values: number[]): number | null =>
  ratio(
    values.reduce((sum, value) => sum + value, 0),
    values.length,
  );
