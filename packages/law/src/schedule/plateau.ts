/** torch.optim.lr_scheduler.ReduceLROnPlateau(mode 'min', threshold 1e-4 relative, cooldown 0, eps 1e-8). */
import { between, whole } from '../config/option-kinds.ts';
import { defineSchedule } from './rule.ts';

const threshold = 1e-4;
const smallestChange = 1e-8;

export const plateau = defineSchedule({
  options: {
    plateauPatience: {
      doc: 'validations without improvement before the rate is reduced',
      ...whole(0, 1e6, 'validations'),
      default: 2,
      changeable: true,
    },
    plateauFactor: {
      doc: 'factor of each reduction',
      ...between(0, 1, 'factor'),
      default: 0.1,
      changeable: true,
    },
  },
  fields: {
    patience: 'count',
    factor: 'number',
    /** Lowest loss that counted as better; null before the first (JSON has no Infinity). */
    best: 'number-or-null',
    numBadValidations: 'count',
  },
  // PyTorch's lowers the rate that it finds, too, when somebody has set it.
  rateByHand: 'held',
  begin: ({ learningRate, plateauPatience, plateauFactor }) => ({
    rate: learningRate,
    patience: plateauPatience,
    factor: plateauFactor,
    best: null,
    numBadValidations: 0,
  }),
  rateAt: ({ rate }) => rate,
  /** A loss that is NaN is never better. */
  afterValidation(state, loss) {
    const best = state.best ?? Number.POSITIVE_INFINITY;
    if (loss < best * (1 - threshold)) return { ...state, best: loss, numBadValidations: 0 };
    const numBadValidations = state.numBadValidations + 1;
    if (numBadValidations <= state.patience) return { ...state, numBadValidations };
    const lowered = state.rate * state.factor;
    return {
      ...state,
      rate: state.rate - lowered > smallestChange ? lowered : state.rate,
      numBadValidations: 0,
    };
  },
  withOptions: (state, { plateauPatience = state.patience, plateauFactor = state.factor }) => ({
    ...state,
    patience: plateauPatience,
    factor: plateauFactor,
  }),
});
