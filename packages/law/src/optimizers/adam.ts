/** torch.optim.Adam: weight decay is a part of the gradient. */
import { adamScalars } from './adam-scalars.ts';
import { defineOptimizer } from './optimizer.ts';
import { beta1, beta2, epsilon, weightDecay } from './options.ts';

export const adam = defineOptimizer({
  options: { weightDecay, beta1, beta2, epsilon },
  kernel: 'adam',
  slots: () => ['exp_avg', 'exp_avg_sq'],
  scalars: (options, update) => [1, options.weightDecay, ...adamScalars(options, update)],
});
