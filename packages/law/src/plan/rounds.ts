/** The kinds of rounds: the leaves of a step, whose gradients are added, and those of a validation. */
export const roundKinds = ['train', 'validation'] as const;

export type RoundKind = (typeof roundKinds)[number];
