/**
 * Learning-rate schedules as pure functions on plain JSON, so that a checkpoint can hold the state and a resumed run
 * goes on exactly where it was. Only + - * / are used: what Math.cos and Math.pow return in the last bit is left to
 * the JavaScript engine, and a learning rate reaches the weights.
 *
 * To add a schedule: a state type, and a case in each of the functions.
 */
import type { TrainConfig } from '../config/types.ts';
import { UserError } from '../errors.ts';
import { cosineOfFraction } from './cosine.ts';

/** torch.optim.lr_scheduler.ReduceLROnPlateau(mode 'min', threshold 1e-4 relative, cooldown 0, eps 1e-8). */
export interface PlateauState {
  name: 'plateau';
  rate: number;
  patience: number;
  factor: number;
  /** Lowest loss that counted as better; null before the first (JSON has no Infinity). */
  best: number | null;
  numBadValidations: number;
}

export interface ConstantState {
  name: 'constant';
  rate: number;
}

/** StepLR by epochs: the rate is multiplied by `factor` every `numStepsPerDrop` steps. */
export interface StepState {
  name: 'step';
  rate: number;
  factor: number;
  numStepsPerDrop: number;
  scale?: RateScale;
}

/**
 * PyTorch's SequentialLR([LinearLR(start_factor = 1 / (W + 1), total_iters = W), CosineAnnealingLR(T_max = N - W,
 * eta_min)], milestones = [W]), stepped at every optimizer update: W warm-up steps at rate * (step + 1) / (W + 1), then
 * half a cosine from `rate` at step W to `finalRate` at step N, the number of steps of the run.
 */
export interface CosineState {
  name: 'cosine';
  rate: number;
  finalRate: number;
  numWarmupSteps: number;
  numSteps: number;
  scale?: RateScale;
}

/** A person wanted the rate `to` where the schedule gives `from`: from there on all that it gives is scaled so. */
export interface RateScale {
  from: number;
  to: number;
}

export type ScheduleState = PlateauState | ConstantState | StepState | CosineState;

export type ScheduleConfig = Pick<
  TrainConfig,
  | 'schedule'
  | 'learningRate'
  | 'epochs'
  | 'plateauPatience'
  | 'plateauFactor'
  | 'stepEpochs'
  | 'stepFactor'
  | 'warmupSteps'
  | 'finalLearningRate'
>;

const threshold = 1e-4;
const smallestChange = 1e-8;

/** The state before the first step. Throws a UserError if the warm-up is as long as the run. */
export function initialSchedule(train: ScheduleConfig, numStepsPerEpoch: number): ScheduleState {
  const rate = train.learningRate;
  switch (train.schedule) {
    case 'plateau':
      return {
        name: 'plateau',
        rate,
        patience: train.plateauPatience,
        factor: train.plateauFactor,
        best: null,
        numBadValidations: 0,
      };
    case 'constant':
      return { name: 'constant', rate };
    case 'step':
      return {
        name: 'step',
        rate,
        factor: train.stepFactor,
        numStepsPerDrop: train.stepEpochs * numStepsPerEpoch,
      };
    case 'cosine': {
      const numSteps = train.epochs * numStepsPerEpoch;
      assertWarmUpEnds(train.warmupSteps, numSteps);
      return {
        name: 'cosine',
        rate,
        finalRate: train.finalLearningRate,
        numWarmupSteps: train.warmupSteps,
        numSteps,
      };
    }
  }
}

/** Learning rate of the update that makes weights version step + 1 (steps count from 0). */
export function rateAt(state: ScheduleState, step: number): number {
  const rate = scheduledRateAt(state, step);
  if (!('scale' in state) || !state.scale) return rate;
  const { from, to } = state.scale;
  // Where the schedule gives `from` the quotient is 1, and the rate `to` to the last bit.
  return from > 0 ? to * (rate / from) : to;
}

/** Before it is scaled. */
function scheduledRateAt(state: ScheduleState, step: number): number {
  switch (state.name) {
    case 'plateau':
    case 'constant':
      return state.rate;
    case 'step': {
      // One multiplication after another, as PyTorch does.
      let { rate } = state;
      for (let drop = Math.floor(step / state.numStepsPerDrop); drop > 0; drop--) rate *= state.factor;
      return rate;
    }
    case 'cosine': {
      const { rate, finalRate, numWarmupSteps } = state;
      if (step < numWarmupSteps) return (rate * (step + 1)) / (numWarmupSteps + 1);
      const fraction = Math.min(1, (step - numWarmupSteps) / (state.numSteps - numWarmupSteps));
      return finalRate + ((rate - finalRate) * (1 + cosineOfFraction(fraction))) / 2;
    }
  }
}

/**
 * The state that gives the rate `wanted` for the update that makes weights version step + 1, exactly, and scales with
 * it what the schedule does later. A later call replaces an earlier one.
 */
export function withRate(state: ScheduleState, step: number, wanted: number): ScheduleState {
  // These lower the rate that they hold, as PyTorch does when somebody has set it.
  if (state.name === 'plateau' || state.name === 'constant') return { ...state, rate: wanted };
  return { ...state, scale: { from: scheduledRateAt(state, step), to: wanted } };
}

/**
 * The state of a run that is given these options anew; what the schedule has no use for changes nothing. A cosine takes
 * from then on the course of a run of so many epochs:
 *
 *   rate(s) = final + (rate - final) * (1 + cos(pi * (s - W) / (N - W))) / 2
 *
 * with W warm-up steps and N steps now, scaled as it was where somebody had set the rate. Throws a UserError if its warm-up
 * would be as long as the run.
 */
export function withOptions(
  state: ScheduleState,
  options: Partial<Pick<TrainConfig, 'epochs' | 'plateauPatience' | 'plateauFactor'>>,
  numStepsPerEpoch: number,
): ScheduleState {
  switch (state.name) {
    case 'plateau': {
      const { plateauPatience: patience = state.patience, plateauFactor: factor = state.factor } = options;
      return { ...state, patience, factor };
    }
    case 'cosine': {
      const numSteps = options.epochs === undefined ? state.numSteps : options.epochs * numStepsPerEpoch;
      assertWarmUpEnds(state.numWarmupSteps, numSteps);
      return { ...state, numSteps };
    }
    case 'constant':
    case 'step':
      return state;
  }
}

function assertWarmUpEnds(numWarmupSteps: number, numSteps: number): void {
  if (numWarmupSteps < numSteps) return;
  throw new UserError(
    `The warm-up of ${numWarmupSteps} steps must be shorter than the run, which has ${numSteps} steps: lower warmupSteps or raise epochs.`,
  );
}

/** The state after a validation; only 'plateau' looks at the loss. A loss that is NaN is never better. */
export function afterValidation(state: ScheduleState, loss: number): ScheduleState {
  if (state.name !== 'plateau') return state;
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
}
