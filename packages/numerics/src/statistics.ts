/**
 * Running statistics of the batch norms. Leaves are folded in one after another in leaf order, which is the order
 * PyTorch would have seen them in: the result is no sum, so the order is part of the law.
 */

/** PyTorch's momentum: the share of the new value. */
const momentum = 0.1;

/**
 * running = 0.9 * running + 0.1 * leaf, in float64, rounded to float32 once (as PyTorch's CPU batch norm does).
 * Both vectors are laid out as the model's statistics; the leaf's variances are the unbiased ones.
 */
export function updateRunningStatistics(running: Float32Array, leaf: Float32Array): void {
  if (running.length !== leaf.length) {
    throw new RangeError(`running statistics of ${running.length} values, the leaf's of ${leaf.length}`);
  }
  for (let i = 0; i < running.length; i++) running[i] = momentum * leaf[i]! + (1 - momentum) * running[i]!;
}
