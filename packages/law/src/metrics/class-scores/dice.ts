/** 2 * intersection / (truth + predicted), also called F1. */
import { defineScore, ratio } from './class-score.ts';

export const dice = defineScore({
  title: 'Dice',
  mean: 'meanDice',
  byClass: null,
  of: ({ numCorrectPixels, numTruthPixels, numPredictedPixels }) =>
    ratio(2 * numCorrectPixels, numTruthPixels + numPredictedPixels),
});
