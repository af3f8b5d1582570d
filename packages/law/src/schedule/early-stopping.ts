/** Early stopping: ends a run whose validation loss no longer falls. Plain JSON state, kept in checkpoints. */
import type { TrainConfig } from '../config/types.ts';

export interface EarlyStoppingState {
  /** Validations in a row without a new lowest loss after which the run ends; 0: never. */
  patience: number;
  /** Lowest loss so far; null before the first. */
  best: number | null;
  numBadValidations: number;
}

export const initialEarlyStopping = (train: Pick<TrainConfig, 'earlyStopping'>): EarlyStoppingState => ({
  patience: train.earlyStopping,
  best: null,
  numBadValidations: 0,
});

/** Any lower loss is better; one that is NaN never is. */
export function earlyStoppingAfterValidation(state: EarlyStoppingState, loss: number): EarlyStoppingState {
  return loss < (state.best ?? Number.POSITIVE_INFINITY)
    ? { ...state, best: loss, numBadValidations: 0 }
    : { ...state, numBadValidations: state.numBadValidations + 1 };
}

export const shouldStopEarly = (state: EarlyStoppingState): boolean =>
  state.patience > 0 && state.numBadValidations >= state.patience;
