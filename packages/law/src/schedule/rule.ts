/**
 * What a learning-rate schedule is: its options, the state that a checkpoint keeps, and the rate of each step. A state is
 * plain JSON, so that a resumed run goes on exactly where it was. Only + - * / are used: what Math.cos and Math.pow return
 * in the last bit is left to the JavaScript engine, and a learning rate reaches the weights.
 */
import type { EntryOptions, ValuesOf } from '../config/entry-options.ts';
import type { Version } from '../plan/version.ts';

/** What a field of a state must be: from these come its type, and the check of what a file holds. */
export interface StateFields {
  readonly [field: string]: 'number' | 'number-or-null' | 'count' | 'positive-count';
}

/** The state of a schedule with these fields: `rate` is the one that it began with or holds. */
export type StateOf<F extends StateFields> = { rate: number } & {
  -readonly [K in keyof F]: F[K] extends 'number-or-null' ? number | null : number;
};

/** Options of the training that every schedule may look at. */
export interface Course {
  learningRate: number;
  epochs: number;
}

export interface ScheduleRule<O extends EntryOptions, F extends StateFields> {
  options: O;
  /** Besides `rate`. */
  fields: F;
  /**
   * What a rate that somebody sets by hand does: it becomes the one that the state holds, or all that the schedule gives
   * from then on is scaled.
   */
  rateByHand: 'held' | 'scales';
  /** Throws a UserError where the options contradict each other. */
  check?(train: Course & ValuesOf<O>): void;
  /** The state before the first step. Throws a UserError where it does not fit the length of the run. */
  begin(train: Course & ValuesOf<O>, numStepsPerEpoch: number): StateOf<F>;
  /** Learning rate of the step on weights of this version, before it is scaled. */
  rateAt(state: StateOf<F>, version: Version): number;
  /** The state after a validation; absent: it does not look at the loss, which may be NaN. */
  afterValidation?(state: StateOf<F>, loss: number): StateOf<F>;
  /**
   * The state of a run that is given options anew, those marked `changeable`; absent: they change nothing. Throws a UserError
   * where it can't have them.
   */
  withOptions?(
    state: StateOf<F>,
    options: Partial<Course & ValuesOf<O>>,
    numStepsPerEpoch: number,
  ): StateOf<F>;
}

/** Checks an entry, and keeps the types of its options and its state. */
export const defineSchedule = <const O extends EntryOptions, const F extends StateFields>(
  rule: ScheduleRule<O, F>,
): ScheduleRule<O, F> => rule;
