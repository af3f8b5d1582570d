/** torch.optim.SGD with dampening 0; a buffer of zeros before the first update gives PyTorch's first step. */
import { defineOptimizer } from './optimizer.ts';
import { momentum, weightDecay } from './options.ts';

export const sgd = defineOptimizer({
  options: { weightDecay, momentum },
  kernel: 'sgd',
  slots: (options) => [options.momentum > 0 ? 'momentum_buffer' : null],
  scalars: (options, { learningRate }) => [options.weightDecay, options.momentum, -learningRate],
});
