/** Intersection over union. */
import { defineScore, ratio } from './class-score.ts';

export const iou = defineScore({
  title: 'IoU',
  mean: 'meanIou',
  byClass: 'classIou',
  of: ({ numCorrectPixels, numTruthPixels, numPredictedPixels }) =>
    ratio(numCorrectPixels, numTruthPixels + numPredictedPixels - numCorrectPixels),
});
