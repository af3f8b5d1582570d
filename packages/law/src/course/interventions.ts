/**
 * Changes of a run that has begun, which reach the weights: a learning rate set by hand, and options that it was given
 * anew. Each counts from the step that it names; with the config they are all that decides a run's course, so a new run
 * with the same ones has the same weights. Pure.
 */
import { configOptions } from '../config/schema.ts';
import type { TrainConfig } from '../config/types.ts';
import { numSteps, type PlanConfig, stepsPerEpoch } from '../plan/plan.ts';
import { versionBefore } from '../plan/version.ts';
import { shouldStopEarly } from '../schedule/early-stopping.ts';
import { withOptions, withRate } from '../schedule/schedule.ts';
import type { ChangedOptions, CountedIntervention, Intervention, Progress } from './progress.ts';

/** What a run that has begun may be given anew. Anything else would make another run of what it has done. */
export const changeableOptions = configOptions
  .filter(({ changeable }) => changeable)
  .map(({ key }) => key) as (keyof ChangedOptions)[];

/** The plan with the epochs that these changes give it. */
export function planWith<T extends PlanConfig>(
  plan: T,
  changes: readonly { options?: ChangedOptions }[] = [],
): T {
  const epochs = changes.findLast(({ options }) => options?.epochs !== undefined)?.options?.epochs;
  return epochs === undefined ? plan : { ...plan, epochs };
}

/** The options as they are after these changes. A rate that was set by hand is no option. */
export const trainWith = (
  train: TrainConfig,
  changes: readonly { options?: ChangedOptions }[],
): TrainConfig => Object.assign({ ...train }, ...changes.map(({ options }) => options));

/**
 * The progress from which the step begins that the intervention counts from. Early stopping counts anew where it had
 * ended the run. Throws a UserError if a cosine's warm-up would be as long as the run.
 */
export function intervened(progress: Progress, change: Intervention, plan: PlanConfig): Progress {
  const { step, learningRate, options } = change;
  let { schedule, earlyStopping } = progress;
  if (options) {
    schedule = withOptions(schedule, options, stepsPerEpoch(plan));
    const patience = options.earlyStopping ?? earlyStopping.patience;
    const hasEnded = shouldStopEarly(earlyStopping) || shouldStopEarly({ ...earlyStopping, patience });
    earlyStopping = { ...earlyStopping, patience, ...(hasEnded && { numBadValidations: 0 }) };
  }
  if (learningRate !== undefined) schedule = withRate(schedule, versionBefore(step), learningRate);
  const interventions = [...(progress.interventions ?? []), countedOf(change)];
  return { ...progress, schedule, earlyStopping, interventions };
}

/** What of an intervention reaches the weights. */
export const countedOf = ({ step, learningRate, options }: CountedIntervention): CountedIntervention => ({
  step,
  ...(learningRate !== undefined && { learningRate }),
  ...(options && { options }),
});

/**
 * What a person wants holds from then on: what was planned for later steps of the same is given up. One for a step that
 * has another already is added to it.
 */
export function withIntervention(
  interventions: readonly Intervention[],
  added: Intervention,
): Intervention[] {
  const earlier = interventions.filter(({ step }) => step < added.step);
  const same = interventions.find(({ step }) => step === added.step);
  const later = interventions
    .filter(({ step }) => step > added.step)
    .flatMap((planned) => without(planned, added));
  const options = { ...same?.options, ...added.options };
  const whole = { ...same, ...added, ...(Object.keys(options).length > 0 && { options }) };
  return [...earlier, whole, ...later];
}

/** A later change without what `added` decides; none where nothing is left of it. */
function without({ learningRate, options, ...facts }: Intervention, added: Intervention): Intervention[] {
  const kept = Object.fromEntries(
    Object.entries(options ?? {}).filter(
      ([name]) => added.options?.[name as keyof ChangedOptions] === undefined,
    ),
  ) as ChangedOptions;
  const hasOptions = Object.keys(kept).length > 0;
  const hasRate = learningRate !== undefined && added.learningRate === undefined;
  if (!hasOptions && !hasRate) return [];
  return [{ ...facts, ...(hasRate && { learningRate }), ...(hasOptions && { options: kept }) }];
}

/**
 * The first change that counts from no step that the run has with those before it; null where there is none. One that
 * counts from the step after the last gives the run more of them; one may end it with the step before.
 */
export function firstBeyondEnd(plan: PlanConfig, changes: readonly Intervention[]): Intervention | null {
  let soFar = plan;
  for (const change of changes) {
    const changed = planWith(soFar, [change]);
    const version = versionBefore(change.step);
    const goesOn = version < Math.max(numSteps(soFar), numSteps(changed));
    if (!goesOn || version > Math.min(numSteps(soFar), numSteps(changed))) return change;
    soFar = changed;
  }
  return null;
}
