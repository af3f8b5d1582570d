/** The split into training and validation: a pure function of ids, share and seed, kept in the run once it is made. */
import { permutation, UserError } from '@unet-fleet/law';
import { compareText } from './list-folder.ts';

export interface Split {
  /** Ids, sorted. */
  training: string[];
  validation: string[];
}

/** The split that the data brings along, or else one that is drawn (splitSamples). */
export function splitOf(
  { samples, split }: { samples: readonly { id: string }[]; split: Split | null },
  share: number,
  seed: number,
): Split {
  const ids = samples.map(({ id }) => id);
  return split ?? splitSamples(ids, share, seed);
}

/**
 * Puts round(share * n) ids into validation, at least one into each part. The order of `ids` does not matter.
 * Throws a UserError unless 0 < share < 1 and there are two ids.
 */
export function splitSamples(ids: readonly string[], share: number, seed: number): Split {
  if (!(share > 0 && share < 1)) {
    throw new UserError(
      `A validation share of ${share} leaves nothing to ${share >= 1 ? 'train' : 'validate'} on: set --validation-share between 0 and 1, such as 0.1.`,
    );
  }
  if (ids.length < 2)
    throw new UserError('One photo cannot be split into training and validation: add another.');
  const sorted = [...ids].sort(compareText);
  const numValidation = Math.min(sorted.length - 1, Math.max(1, Math.round(sorted.length * share)));
  const order = permutation(sorted.length, seed, 'split');
  const isValidation = new Set(order.slice(0, numValidation));
  return {
    training: sorted.filter((_, i) => !isValidation.has(i)),
    validation: sorted.filter((_, i) => isValidation.has(i)),
  };
}
