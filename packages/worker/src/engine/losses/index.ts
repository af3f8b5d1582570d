/** Every loss as the engine computes it, under the names that the config knows (shared/losses). */
import type { LossName } from '@unet-fleet/law';
import { crossEntropy } from './cross-entropy.ts';
import type { Loss } from './loss.ts';

export const losses: Record<LossName, Loss> = { 'cross-entropy': crossEntropy };
