/** How far a run has come, and what it was given on its way: with the config, all that its next step depends on. */
import type { TrainConfig } from '../config/types.ts';
import type { Step, Version } from '../plan/version.ts';
import type { EarlyStoppingState } from '../schedule/early-stopping.ts';
import type { ScheduleState } from '../schedule/schedule.ts';
import type { ChangeableScheduleOption } from '../schedule/schedules.ts';

/** Options of the config that a run which has begun may be given anew: those that the schema calls changeable. */
export type ChangedOptions = Partial<
  Pick<TrainConfig, 'epochs' | 'learningRate' | 'earlyStopping' | ChangeableScheduleOption>
>;

/**
 * A person changed the learning rate while the run went on, or gave it options anew when it was started again. Durable
 * before it counts, and with the config what the weights are a function of: so it names the step that it counts from and
 * not the moment.
 */
export interface Intervention {
  /** The first that it counts for. */
  step: Step;
  /** What the schedule gives there from now on; absent where it is as it was. */
  learningRate?: number;
  /** What it would have given as far as was known then; null where nobody noted it. */
  previousRate: number | null;
  /** Options with another value from now on. A learning rate among them is in `learningRate` as well. */
  options?: ChangedOptions;
  /** ISO 8601, UTC. */
  at: string;
  /** From where, for the record. */
  by: string;
}

/** What of it reaches the weights. */
export type CountedIntervention = Pick<Intervention, 'step' | 'learningRate' | 'options'>;

/** What a validation came to; of one of which nothing counts there is none. */
export interface Score {
  /** That made the weights. */
  step: Step;
  loss: number;
  meanIou: number;
  /** Leaves that were left out because their loss was not finite; absent without any. */
  numSkippedLeaves?: number;
}

/** What a checkpoint needs of the core to go on exactly where it was. */
export interface Progress {
  /** Of the weights: the number of steps committed. */
  version: Version;
  /** This version is to be validated before the next step. */
  validationPending: boolean;
  schedule: ScheduleState;
  earlyStopping: EarlyStoppingState;
  best: Score | null;
  /** Those that count for the steps up to this version, in order; absent without any. */
  interventions?: CountedIntervention[];
}
