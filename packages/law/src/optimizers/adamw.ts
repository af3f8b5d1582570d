/** torch.optim.AdamW: weight decay shrinks the parameter by itself, beside the gradient. */
import { adamScalars } from './adam-scalars.ts';
import { defineOptimizer } from './optimizer.ts';
import { beta1, beta2, epsilon, weightDecay } from './options.ts';

export const adamw = defineOptimizer({
  options: { weightDecay, beta1, beta2, epsilon },
  kernel: 'adam',
  slots: () => ['exp_avg', 'exp_avg_sq'],
  scalars: (options, update) => [
    1 - update.learningRate * options.weightDecay,
    0,
    ...adamScalars(options, update),
  ],
});
