/** Correct share of what was predicted. */
import { defineScore, ratio } from './class-score.ts';

export const precision = defineScore({
  title: 'precision',
  mean: null,
  byClass: null,
  of: ({ numCorrectPixels, numPredictedPixels }) => ratio(numCorrectPixels, numPredictedPixels),
});
