/**
 * What a person does to a run while it goes on. All but a change of the learning rate decides only when and by whom
 * something is computed, so it may come at any time and is forgotten by a coordinator that starts again. The rate
 * reaches the weights: it counts from a step that has not begun, and only once it is durable.
 */
import { numSteps, rateAt, type ScheduleState, stepsPerEpoch, withRate } from '@unet-fleet/shared';
import { memberOf } from './leaves.ts';
import type { CoreEvent, CoreState, Effect, Intervention, Member } from './types.ts';

type EventOf<T extends CoreEvent['type']> = Extract<CoreEvent, { type: T }>;

/** The round under way is finished; no other begins. */
export function pause(state: CoreState, { now, by }: EventOf<'pause-requested'>, effects: Effect[]): void {
  if (state.pause || state.ending) return;
  state.pause = { sinceMs: now, by };
  effects.push({ type: 'emit', event: { type: 'paused', by } });
}

export function resume(state: CoreState, { now, by }: EventOf<'resume-requested'>, effects: Effect[]): void {
  if (!state.pause) return;
  const pausedMs = now - state.pause.sinceMs;
  state.pause = null;
  effects.push({ type: 'emit', event: { type: 'resumed', by, pausedMs } });
}

/** Asked again until it says that it leaves: the message may be lost. It is given nothing from now on. */
export function askToDrain(state: CoreState, event: EventOf<'drain-requested'>, effects: Effect[]): void {
  const member = memberOf(state, event.workerId);
  if (!member || member.isDraining || member.drainAskedAtMs !== null) return;
  effects.push({ type: 'emit', event: { type: 'drain-requested', worker: member.name, by: event.by } });
  sendDrain(member, event.now, effects);
}

export function askAgain(state: CoreState, now: number, effects: Effect[]): void {
  for (const member of state.members) {
    const { drainAskedAtMs, isDraining } = member;
    if (drainAskedAtMs === null || isDraining || now - drainAskedAtMs < state.config.resendMs) continue;
    sendDrain(member, now, effects);
  }
}

function sendDrain(member: Member, now: number, effects: Effect[]): void {
  member.drainAskedAtMs = now;
  effects.push({ type: 'drain', workerId: member.workerId });
}

/** Whether it is on its way out, or was asked to be. */
export const isLeaving = ({ isDraining, drainAskedAtMs }: Member): boolean =>
  isDraining || drainAskedAtMs !== null;

export function stopAfterEpoch(
  state: CoreState,
  { isWanted, by }: EventOf<'stop-after-epoch'>,
  effects: Effect[],
): void {
  if (state.stopAfterEpoch === isWanted) return;
  state.stopAfterEpoch = isWanted;
  effects.push({ type: 'emit', event: { type: 'stop-after-epoch', isWanted, by } });
}

/** Whether a stop is wanted at this version, which lies between two steps and needs no validation. */
export const stopsHere = ({ stopSinceMs, stopAfterEpoch: isWanted, progress, config }: CoreState): boolean =>
  stopSinceMs !== null ||
  (isWanted &&
    !progress.validationPending &&
    progress.version > 0 &&
    progress.version % stepsPerEpoch(config.plan) === 0);

/** The first step that has not begun, from 1; null when there is none left. */
export function nextStep({ progress, round, config, ending }: CoreState): number | null {
  const next = progress.version + (round?.kind === 'train' ? 2 : 1);
  return ending || next > numSteps(config.plan) ? null : next;
}

/** Throws an Error for a step that has begun: its rate is settled. */
export function changeRate(state: CoreState, event: EventOf<'learning-rate'>, effects: Effect[]): void {
  const { intervention } = event;
  const { step, learningRate: to, by } = intervention;
  const next = nextStep(state);
  if (next === null || step < next) throw new Error(`a learning rate for step ${step}, which has begun`);
  const from = intervention.previousRate ?? plannedRate(state, step);
  state.interventions = withIntervention(state.interventions, intervention);
  effects.push({ type: 'emit', event: { type: 'learning-rate-changed', step, from, to, by } });
}

/** What a person wants holds from then on: what was planned for later steps is given up. */
export const withIntervention = (
  interventions: readonly Intervention[],
  added: Intervention,
): Intervention[] => [...interventions.filter(({ step }) => step < added.step), added];

/** The rate that a step to come will have, as far as is known now. */
export function plannedRate({ progress, interventions }: CoreState, step: number): number {
  let schedule = progress.schedule;
  for (const change of interventions) {
    if (change.step > progress.version && change.step <= step) {
      schedule = withRate(schedule, change.step - 1, change.learningRate);
    }
  }
  return rateAt(schedule, step - 1);
}

/** The intervention that counts from the next commit on, if there is one. */
export const interventionNow = ({ progress, interventions }: CoreState): Intervention | undefined =>
  interventions.find(({ step }) => step === progress.version + 1);

/** The schedule of the next commit. It becomes that of the run's progress with the commit and not before. */
export function scheduleNow(state: CoreState): ScheduleState {
  const { schedule, version } = state.progress;
  const intervention = interventionNow(state);
  return intervention ? withRate(schedule, version, intervention.learningRate) : schedule;
}
