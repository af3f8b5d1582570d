/** Every loss as the engine computes it, under the names that the config knows (law/losses). */
import type { losses as rules } from '@unet-fleet/law';
import { batchDice } from './batch-dice.ts';
import { crossEntropy } from './cross-entropy.ts';
import type { OnePassLoss, TwoPassLoss } from './loss.ts';

type Rules = typeof rules;

/** One that has totals takes two passes. */
type EngineLosses = { [N in keyof Rules]: Rules[N]['totals'] extends null ? OnePassLoss : TwoPassLoss };

export const losses: EngineLosses = { 'cross-entropy': crossEntropy, 'batch-dice': batchDice };
