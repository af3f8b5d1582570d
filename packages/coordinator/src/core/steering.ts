/**
 * What a person does to a run while it goes on. All but a change of the learning rate decides only when and by whom
 * something is computed, so it may come at any time and is forgotten by a coordinator that starts again. The rate
 * reaches the weights: it counts from a step that has not begun, and only once it is durable.
 */
import {
  type Intervention,
  intervened,
  numSteps,
  type Progress,
  planWith,
  rateAt,
  rounds,
  type Step,
  stepOn,
  stepsPerEpoch,
  versionBefore,
  withIntervention,
} from '@unet-fleet/law';
import { memberOf } from './leaves.ts';
import { isSentAway, sendAway } from './peers.ts';
import type { CoreEvent, CoreState, Effect, Member } from './types.ts';

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

/**
 * Asked again until it says that it leaves: the message may be lost, or the worker removed for its silence before it has
 * heard it. It is given nothing from now on, though it joins anew.
 */
export function askToDrain(state: CoreState, event: EventOf<'drain-requested'>, effects: Effect[]): void {
  const member = memberOf(state, event.workerId);
  if (!member || member.isDraining || member.drainAskedAtMs !== null) return;
  effects.push({ type: 'emit', event: { type: 'drain-requested', worker: member.name, by: event.by } });
  sendAway(state, event.workerId);
  sendDrain(member, event.now, effects);
}

export function askAgain(state: CoreState, now: number, effects: Effect[]): void {
  for (const member of state.members) {
    const { drainAskedAtMs, isDraining } = member;
    if (drainAskedAtMs === null || isDraining || now - drainAskedAtMs < state.config.resendMs) continue;
    sendDrain(member, now, effects);
  }
}

/** Of who joins. */
export function askIfSentAway(state: CoreState, member: Member, now: number, effects: Effect[]): void {
  if (isSentAway(state, member.workerId)) sendDrain(member, now, effects);
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
export function nextStep({ progress, round, config, ending, interventions }: CoreState): number | null {
  const next = progress.version + (round && rounds[round.kind].isOfStep ? 2 : 1);
  const plan = planWith(
    config.plan,
    interventions.filter(({ step }) => step <= next),
  );
  return ending || next > numSteps(plan) ? null : next;
}

/** Throws an Error for a step that has begun: its rate is settled. */
export function changeRate(state: CoreState, event: EventOf<'learning-rate'>, effects: Effect[]): void {
  const { intervention } = event;
  const { step, learningRate: to, by } = intervention;
  if (to === undefined) throw new Error('a change of the learning rate without one');
  const next = nextStep(state);
  if (next === null || step < next) throw new Error(`a learning rate for step ${step}, which has begun`);
  const from = intervention.previousRate ?? plannedRate(state, step);
  state.interventions = withIntervention(state.interventions, intervention);
  effects.push({ type: 'emit', event: { type: 'learning-rate-changed', step, from, to, by } });
}

/** The rate that a step to come will have, as far as is known now. */
export function plannedRate({ progress, interventions, config }: CoreState, step: Step): number {
  let planned = progress;
  for (const change of interventions) {
    if (change.step > progress.version && change.step <= step)
      planned = intervened(planned, change, config.plan);
  }
  return rateAt(planned.schedule, versionBefore(step));
}

/** The intervention that counts from the next commit on, if there is one. */
export const interventionNow = ({ progress, interventions }: CoreState): Intervention | undefined =>
  interventions.find(({ step }) => step === stepOn(progress.version));

/** From what the next step begins. It becomes the run's progress with the commit and not before. */
export function progressNow(state: CoreState): Progress {
  const intervention = interventionNow(state);
  return intervention ? intervened(state.progress, intervention, state.config.plan) : state.progress;
}
