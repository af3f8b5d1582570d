/** Share of the truth that was found. */
import { defineScore, ratio } from './class-score.ts';

export const recall = defineScore({
  title: 'recall',
  mean: null,
  byClass: null,
  of: ({ numCorrectPixels, numTruthPixels }) => ratio(numCorrectPixels, numTruthPixels),
});
