/**
 * What a config and the coordinator know of a loss; what an engine computes of it is in worker/engine/losses, under the
 * same name.
 *
 * A loss that is a mean over pixels comes of what each leaf says for itself. Any other is a function of `totals`, sums over
 * the pixels of the whole batch: they are added first, in a round of their own (plan/rounds.ts), and every leaf's gradient
 * is computed with them.
 */
import type { EntryOptions } from '../config/entry-options.ts';

export interface LossRule<O extends EntryOptions, T extends LossTotals | null = LossTotals | null> {
  options: O;
  /** null: the loss needs none. */
  totals: T;
}

export interface LossTotals {
  /** How many there are. */
  count(numClasses: number): number;
  /** The mean loss of the batch times its weight, and that weight; both 0 where nothing counts. */
  lossOf(totals: readonly number[]): { lossSum: number; weightSum: number };
}

/** Of a loss, at most: they travel in the message of a lease. */
export const maxTotals = 12_288;

/** Checks an entry, and keeps the types of its options. */
export const defineLoss = <O extends EntryOptions, T extends LossTotals | null>(
  rule: LossRule<O, T>,
): LossRule<O, T> => rule;
