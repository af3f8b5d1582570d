/** Every loss as the engine computes it, under the names that the config knows (law/losses). */
import type { LossName } from '@unet-fleet/law';
import { crossEntropy } from './cross-entropy.ts';
import type { OnePassLoss } from './loss.ts';

/** Runs have no round yet that adds sums over a batch, so a loss that needs them is no entry: it would fail at its first leaf. */
export const losses: Record<LossName, OnePassLoss> = { 'cross-entropy': crossEntropy };
