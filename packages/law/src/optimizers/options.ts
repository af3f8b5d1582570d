/** Options that several optimizers have alike. */
import type { NumberOption } from '../config/entry-options.ts';
import { above, real } from '../config/option-kinds.ts';

/** Shares of the kind 0 <= x < 1: moving-average constants. */
export const decay = { ...real(0, 1), belowMax: true } as const;

export const weightDecay: NumberOption = { doc: 'weight decay', ...real(0, 1), default: 1e-8 };
export const momentum: NumberOption = { doc: 'momentum', default: 0.9, ...decay };
export const beta1: NumberOption = { doc: "Adam's decay of the mean", default: 0.9, ...decay };
export const beta2: NumberOption = { doc: "Adam's decay of the square", default: 0.999, ...decay };
export const epsilon: NumberOption = { doc: 'added to the denominator', ...above(0, 1), default: 1e-8 };
