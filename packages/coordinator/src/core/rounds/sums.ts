/**
 * The round before the gradients of a step, for a loss that needs sums over the whole batch first: each leaf's answer is its
 * part of them. They are added in leaf order once all are here, so the totals have the same bits whoever answered when, and
 * every lease of the step's gradients has them.
 */
import { firstPassOf, type LeafSums, totalsOf } from '@unet-fleet/law';
import type { CoreState } from '../types.ts';
import { beginStep, type CoreRound, openRound, type Result } from './round.ts';

export const sumsRound: CoreRound = {
  isDue: ({ config }) => totalsOf(config.loss) !== null,
  begun: beginStep,
  isWellFormed: (state, _round, answer) => hasAddends(state, answer),
  complete(state, { sums, startedAtMs, answers, repeated }) {
    const { loss, numClasses } = state.config;
    const firstPass = firstPassOf(totalsOf(loss)!, numClasses, sums as LeafSums[]);
    // The step has begun: its gradients follow, whatever was asked for meanwhile.
    const next = openRound(state, 'train', startedAtMs);
    next.firstPass = { ...firstPass, answers };
    next.repeated = repeated;
  },
};

/** A leaf that counts has its part of each total that the loss has. */
export function hasAddends({ config }: CoreState, { node, leaves }: Result): boolean {
  const numTotals = totalsOf(config.loss)?.count(config.numClasses) ?? 0;
  return (
    node.level === 0 &&
    leaves.every((sums) => (sums.addends?.length ?? 0) === (sums.isFinite ? numTotals : 0))
  );
}
