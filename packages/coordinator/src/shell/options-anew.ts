/**
 * Options that a run which has begun is given anew: `--resume --epochs 10`. What differs from what the run has is either
 * one that it may be given, which becomes an intervention that counts from the next step on, or refused by its name. A
 * command that is given again after a crash differs in nothing any more, so it changes nothing again.
 */
import {
  type ChangedOptions,
  type Config,
  changeableOptions,
  configOptions,
  type Intervention,
  intervened,
  numSteps,
  optionValue,
  type PlanConfig,
  type Progress,
  planWith,
  type RunEvent,
  rateAt,
  stepPlan,
  trainWith,
  UserError,
} from '@unet-fleet/law';

const changeablePaths: readonly string[] = changeableOptions.map((key) => `train.${key}`);
const changeable = configOptions.filter(({ path }) => changeablePaths.includes(path));

/** For sentences: --epochs, --learning-rate, ... */
export const changeableFlags = changeable.map(({ flag }) => flag);

/** The config that a run has by now. */
export const configNow = (config: Config, interventions: readonly Intervention[]): Config => ({
  ...config,
  train: trainWith(config.train, interventions),
});

/** `wanted` with the options that a run may be given anew as it has them: what still differs, it may not. */
export const withoutChanges = (wanted: Config, now: Config): Config => ({
  ...wanted,
  train: { ...wanted.train, ...changedBetween(wanted, now) },
});

/** Those of `to` that differ from those of `from`. */
function changedBetween(from: Config, to: Config): ChangedOptions {
  const changed = changeable.filter((option) => optionValue(from, option) !== optionValue(to, option));
  return Object.fromEntries(changed.map((option) => [option.key, optionValue(to, option)]));
}

export interface Wish {
  root: string;
  /** What the run has by now, and what is wanted of it. */
  now: Config;
  wanted: Config;
  /** As the run began. */
  plan: PlanConfig;
  progress: Progress;
  at: string;
}

/** The intervention that gives the run what is wanted; null where it has all of it. Throws a UserError that says why not. */
export function interventionFor({ root, now, wanted, plan, progress, at }: Wish): Intervention | null {
  const options = changedBetween(now, wanted);
  if (Object.keys(options).length === 0) return null;
  const { version, schedule, interventions } = progress;
  const step = version + 1;
  const planNow = planWith(plan, interventions);
  const planned = planWith(plan, [{ options: { epochs: wanted.train.epochs } }]);
  if (numSteps(planned) < version) {
    const numEpochs = stepPlan(plan, version - 1).epoch + 1;
    throw new UserError(
      `--epochs ${wanted.train.epochs} is less than the run in ${root} has done (${version} steps): give at least ${numEpochs}`,
    );
  }
  if (numSteps(planned) === version && options.epochs === undefined) {
    const named = changeable.filter(({ key }) => key in options).map(({ flag }) => flag);
    throw new UserError(
      `The run in ${root} has done all of its ${planned.epochs} epochs, so ${named.join(' and ')} would change nothing: give it more with --epochs as well`,
    );
  }
  const { learningRate } = options;
  const previousRate = version < numSteps(planNow) ? rateAt(schedule, version) : null;
  const rate = learningRate === undefined ? {} : { learningRate };
  const change: Intervention = { step, ...rate, previousRate, options, at, by: 'the command line' };
  // Throws where the schedule can't have it.
  intervened(progress, change, plan);
  return change;
}

/** What is told of it. */
export function toldChange(change: Intervention, now: Config): RunEvent[] {
  const { step, learningRate, previousRate, options = {}, by } = change;
  const events: RunEvent[] = [];
  const changes = changeable.flatMap((option) => {
    const to = options[option.key as keyof ChangedOptions];
    if (to === undefined || option.key === 'learningRate') return [];
    return [{ flag: option.flag, from: optionValue(now, option) as number, to }];
  });
  if (changes.length > 0) events.push({ type: 'options-changed', step, changes, by });
  if (learningRate === undefined) return events;
  const from = previousRate ?? now.train.learningRate;
  return [...events, { type: 'learning-rate-changed', step, from, to: learningRate, by }];
}
