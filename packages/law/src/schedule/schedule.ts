/** The schedule of a run: what the registry's rules (schedules.ts) say, of the state that a checkpoint keeps. Pure. */
import type { TrainConfig } from '../config/types.ts';
import type { Version } from '../plan/version.ts';
import type { ScheduleRule, StateOf } from './rule.ts';
import {
  type ChangeableScheduleOption,
  type ScheduleName,
  type ScheduleOptions,
  schedules,
} from './schedules.ts';

/** A person wanted the rate `to` where the schedule gives `from`: from there on all that it gives is scaled so. */
export interface RateScale {
  from: number;
  to: number;
}

export type ScheduleState = {
  [N in ScheduleName]: { name: N; scale?: RateScale } & StateOf<(typeof schedules)[N]['fields']>;
}[ScheduleName];

export type ScheduleConfig = Pick<TrainConfig, 'schedule' | 'learningRate' | 'epochs'> & ScheduleOptions;

type None = Record<never, never>;

/** The rule of a name takes the state and options of that name: TypeScript doesn't see that they belong together. */
const ruleOf = (name: ScheduleName) => schedules[name] as unknown as ScheduleRule<None, None>;

const changed = (state: ScheduleState, changes: StateOf<None>): ScheduleState =>
  ({ ...state, ...changes }) as ScheduleState;

/** Throws a UserError where options of the schedule contradict each other. */
export const checkSchedule = (train: ScheduleConfig): void => ruleOf(train.schedule).check?.(train);

/** The state before the first step. Throws a UserError where the schedule does not fit the length of the run. */
export const initialSchedule = (train: ScheduleConfig, numStepsPerEpoch: number): ScheduleState =>
  ({ name: train.schedule, ...ruleOf(train.schedule).begin(train, numStepsPerEpoch) }) as ScheduleState;

/** Learning rate of the step on weights of this version. */
export function rateAt(state: ScheduleState, version: Version): number {
  const rate = ruleOf(state.name).rateAt(state, version);
  if (!state.scale) return rate;
  const { from, to } = state.scale;
  // Where the schedule gives `from` the quotient is 1, and the rate `to` to the last bit.
  return from > 0 ? to * (rate / from) : to;
}

/**
 * The state that gives the rate `wanted` for the step on weights of this version, exactly, and scales with it what the
 * schedule does later. A later call replaces an earlier one.
 */
export function withRate(state: ScheduleState, version: Version, wanted: number): ScheduleState {
  const rule = ruleOf(state.name);
  if (rule.rateByHand === 'held') return { ...state, rate: wanted };
  return { ...state, scale: { from: rule.rateAt(state, version), to: wanted } };
}

/**
 * The state of a run that is given these options anew; what the schedule has no use for changes nothing. Throws a UserError
 * where the schedule can't have them.
 */
export function withOptions(
  state: ScheduleState,
  options: Partial<Pick<TrainConfig, 'epochs' | ChangeableScheduleOption>>,
  numStepsPerEpoch: number,
): ScheduleState {
  const after = ruleOf(state.name).withOptions?.(state, options, numStepsPerEpoch);
  return after === undefined ? state : changed(state, after);
}

/** The state after a validation, for a schedule that looks at the loss. */
export function afterValidation(state: ScheduleState, loss: number): ScheduleState {
  const after = ruleOf(state.name).afterValidation?.(state, loss);
  return after === undefined ? state : changed(state, after);
}
