/** The course of a run: one round after another, each opened when it is due. A kind of round is a file here and its line. */
import { type RoundKind, roundKinds } from '@unet-fleet/law';
import { end, ownEnd } from '../ending.ts';
import type { CoreState, Effect } from '../types.ts';
import { type CoreRound, openRound } from './round.ts';
import { sumsRound } from './sums.ts';
import { trainRound } from './train.ts';
import { validationRound } from './validation.ts';

export const coreRounds: Record<RoundKind, CoreRound> = {
  validation: validationRound,
  sums: sumsRound,
  train: trainRound,
};

/** The kind of the round that is on, or else of the next. */
export const kindNow = (state: CoreState): RoundKind =>
  state.round?.kind ?? roundKinds.find((kind) => coreRounds[kind].isDue(state))!;

/** Starts the next round when none is on and the run is neither paused nor ending. */
export function startRound(state: CoreState, now: number, effects: Effect[]): void {
  if (state.round || state.pause || state.ending) return;
  const reason = ownEnd(state);
  if (reason) end(state, reason, now, effects);
  else {
    const round = openRound(state, kindNow(state), now);
    coreRounds[round.kind].begun(state, round, effects);
  }
}
