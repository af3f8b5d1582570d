/** torch.optim.RMSprop, not centered. */
import { defineOptimizer } from './optimizer.ts';
import { decay, epsilon, momentum, weightDecay } from './options.ts';

export const rmsprop = defineOptimizer({
  options: {
    weightDecay,
    momentum,
    alpha: { doc: "RMSprop's smoothing constant", default: 0.99, ...decay },
    epsilon,
  },
  kernel: 'rmsprop',
  slots: (options) => ['square_avg', options.momentum > 0 ? 'momentum_buffer' : null],
  scalars: ({ alpha, ...options }, { learningRate }) => [
    ...[options.weightDecay, alpha, 1 - alpha, options.epsilon, options.momentum, -learningRate],
  ],
});
