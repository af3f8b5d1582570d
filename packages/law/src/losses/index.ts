/** Every loss. A new one is a file and a line here, and one of each in worker/engine/losses, which does not compile without. */
import type { RegistryValues } from '../config/entry-options.ts';
import { batchDice } from './batch-dice.ts';
import { crossEntropy } from './cross-entropy.ts';
import type { LossTotals } from './loss.ts';

export const losses = { 'cross-entropy': crossEntropy, 'batch-dice': batchDice } as const;

export type LossName = keyof typeof losses;

export const lossNames = Object.keys(losses) as LossName[];

/** The options of all of them; each reads its own. */
export type LossOptionValues = RegistryValues<typeof losses>;

/** What a loss needs of the whole batch before any gradient; null for one that needs nothing. */
export const totalsOf = (loss: LossName): LossTotals | null => losses[loss].totals;
