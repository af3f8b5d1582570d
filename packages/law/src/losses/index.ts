/** Every loss. A new one is a file and a line here, and one of each in worker/engine/losses, which does not compile without. */
import type { RegistryValues } from '../config/entry-options.ts';
import { crossEntropy } from './cross-entropy.ts';

export const losses = { 'cross-entropy': crossEntropy } as const;

export type LossName = keyof typeof losses;

export const lossNames = Object.keys(losses) as LossName[];

/** The options of all of them; each reads its own. */
export type LossOptionValues = RegistryValues<typeof losses>;
