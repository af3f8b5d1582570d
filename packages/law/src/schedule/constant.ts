/** The rate stays, until somebody sets another. */
import { defineSchedule } from './rule.ts';

export const constant = defineSchedule({
  options: {},
  fields: {},
  rateByHand: 'held',
  begin: ({ learningRate }) => ({ rate: learningRate }),
  rateAt: ({ rate }) => rate,
});
