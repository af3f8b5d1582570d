/** Functions of each value for itself: torch.nn.ReLU and torch.nn.LeakyReLU. */
import { plainRule } from './rule.ts';

export const relu = plainRule<'relu'>({
  forward: ({ tf }, _node, inputs) => tf.pointwise('Relu', inputs[0]!),
  backward: ({ tf }, _node, { y, gradient }) => [tf.pointwise('ReluGrad', gradient, y)],
});

export const leakyRelu = plainRule<'leakyRelu'>({
  forward: ({ tf }, { slope }, inputs) => tf.leakyRelu(inputs[0]!, slope),
  // A positive slope keeps the sign, so y tells where x was below 0.
  backward: ({ tf }, { slope }, { y, gradient }) => [tf.leakyReluGradient(gradient, y, slope)],
});
