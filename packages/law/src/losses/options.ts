/** Options that several losses have alike. */
import type { EntryOption } from '../config/entry-options.ts';

/** The engine gives every loss its pixels with their weights. */
export const classWeights = {
  doc: 'weights of the classes in the loss: balanced, or one number per class, separated by commas',
  format: 'classWeights',
  default: '',
} as const satisfies EntryOption;
