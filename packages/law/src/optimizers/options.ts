/** Options that several optimizers have alike. */
import type { NumberOption } from '../config/entry-options.ts';

/** Shares of the kind 0 <= x < 1: moving-average constants. */
export const decay = { format: 'number', min: 0, max: 1, belowMax: true } as const;

export const weightDecay: NumberOption = {
  doc: 'weight decay',
  format: 'number',
  default: 1e-8,
  min: 0,
  max: 1,
};
export const momentum: NumberOption = { doc: 'momentum', default: 0.9, ...decay };
export const beta1: NumberOption = { doc: "Adam's decay of the mean", default: 0.9, ...decay };
export const beta2: NumberOption = { doc: "Adam's decay of the square", default: 0.999, ...decay };
export const epsilon: NumberOption = {
  doc: 'added to the denominator',
  format: 'number',
  default: 1e-8,
  min: 0,
  aboveMin: true,
  max: 1,
};
