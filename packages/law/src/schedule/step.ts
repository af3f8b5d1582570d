/** StepLR by epochs: the rate is multiplied by `factor` every `numStepsPerDrop` steps. */
import { above, whole } from '../config/option-kinds.ts';
import { defineSchedule } from './rule.ts';

export const step = defineSchedule({
  options: {
    stepEpochs: {
      doc: 'epochs between two drops of the rate',
      ...whole(1, 1e6, 'epochs'),
      default: 2,
    },
    stepFactor: {
      doc: 'factor of each drop',
      ...above(0, 1, 'factor'),
      default: 0.1,
    },
  },
  fields: { factor: 'number', numStepsPerDrop: 'positive-count' },
  rateByHand: 'scales',
  begin: ({ learningRate, stepEpochs, stepFactor }, numStepsPerEpoch) => ({
    rate: learningRate,
    factor: stepFactor,
    numStepsPerDrop: stepEpochs * numStepsPerEpoch,
  }),
  rateAt(state, version) {
    // One multiplication after another, as PyTorch does.
    let { rate } = state;
    for (let drop = Math.floor(version / state.numStepsPerDrop); drop > 0; drop--) rate *= state.factor;
    return rate;
  },
});
