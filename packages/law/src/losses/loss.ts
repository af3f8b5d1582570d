/** What a config knows of a loss; what an engine computes of it is in worker/engine/losses, under the same name. */
import type { EntryOptions } from '../config/entry-options.ts';

export interface LossRule<O extends EntryOptions> {
  options: O;
}

/** Checks an entry, and keeps the types of its options. */
export const defineLoss = <O extends EntryOptions>(rule: LossRule<O>): LossRule<O> => rule;
