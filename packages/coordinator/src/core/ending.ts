/** When a run ends, and what is kept of it: by its own rules, because a person wants it to, or for the disk. */
import { numSteps, planWith, rounds, shouldStopEarly, stepTo, type Version } from '@unet-fleet/law';
import { numActive } from './leases.ts';
import { progressNow, stopsHere } from './steering.ts';
import type { CoreState, Effect } from './types.ts';

/**
 * What the run has ended with by its own rules; null while it goes on. It follows from its progress alone, so a run that
 * has ended stays so, whoever starts it again and whatever else was asked of it.
 */
export function ownEnd(state: CoreState): 'completed' | 'early-stopping' | null {
  if (state.progress.validationPending) return null;
  const { version, earlyStopping, interventions } = progressNow(state);
  if (version >= numSteps(planWith(state.config.plan, interventions))) return 'completed';
  return shouldStopEarly(earlyStopping) ? 'early-stopping' : null;
}

export function checkpoint(
  state: CoreState,
  now: number,
  isBest: boolean,
  effects: Effect[],
  isFinal = false,
): void {
  state.lastCheckpointMs = now;
  state.checkpointWanted = false;
  effects.push({ type: 'checkpoint', progress: structuredClone(state.progress), isBest, isFinal });
}

export function end(
  state: CoreState,
  reason: 'completed' | 'early-stopping' | 'stopped',
  now: number,
  effects: Effect[],
  isBest = false,
): void {
  state.round = null;
  state.ending = { reason, version: state.progress.version };
  checkpoint(state, now, isBest, effects, true);
}

/** A checkpoint of the weights as they are, which change only with a commit. */
export function keepNow(state: CoreState, { now, by }: { now: number; by: string }, effects: Effect[]): void {
  if (state.ending || state.progress.version === 0) return;
  effects.push({ type: 'emit', event: { type: 'checkpoint-requested', by } });
  if (state.round?.committing) state.checkpointWanted = true;
  else checkpoint(state, now, false, effects);
}

/**
 * A person asked the run to stop: a step under way is finished first, while somebody is there to finish it in time; a
 * validation is broken off and done again by the resumed run.
 */
export function endIfAsked(state: CoreState, now: number, effects: Effect[]): void {
  const { round } = state;
  if (state.ending || round?.committing) return;
  const { stopSinceMs } = state;
  if (round ? stopSinceMs === null : !stopsHere(state)) return;
  const isLate = now - (stopSinceMs ?? now) >= state.config.stopMs;
  const canFinish =
    round !== null && rounds[round.kind].isOfStep && numActive(state) > 0 && !state.broker && !isLate;
  if (!canFinish) end(state, ownEnd(state) ?? 'stopped', now, effects);
}

/** The last checkpoint is durable: the run is over. */
export function afterCheckpoint(state: CoreState, event: { isFinal: boolean }, effects: Effect[]): void {
  // One of the same step that was begun before says less.
  if (!event.isFinal || !state.ending) return;
  state.over = true;
  effects.push({ type: 'finish', reason: state.ending.reason });
}

/** Without its last checkpoint a run has not ended well; any other is made up for by the next. */
export function afterCheckpointFailure(
  state: CoreState,
  { version, message, isFinal }: { version: Version; message: string; isFinal: boolean },
  effects: Effect[],
): void {
  if (isFinal || state.config.onCheckpointFailure === 'stop') {
    state.over = true;
    effects.push({ type: 'fail', cause: 'disk', message, leaf: null });
  } else {
    effects.push({ type: 'emit', event: { type: 'checkpoint-failed', step: stepTo(version), message } });
  }
}
