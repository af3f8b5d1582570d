/**
 * In what convolutions are computed, their gradients and the maps between layers. Weights, norms, sums over pixels, the
 * loss and the optimizer are float32's in either.
 */
export const precisions = ['float32', 'bf16'] as const;
export type Precision = (typeof precisions)[number];

/** Of a value of a map. */
export const bytesPerValue: Record<Precision, number> = { float32: 4, bf16: 2 };
