/** torch.nn.ReLU and torch.nn.LeakyReLU. */
import { plainRule } from './rule.ts';

export const relu = plainRule<'relu'>({
  forward: ({ tf }, { slope }, inputs) =>
    slope === 0 ? tf.relu(inputs[0]!) : tf.leakyRelu(inputs[0]!, slope),
  // A positive slope keeps the sign, so y tells where x was below 0.
  backward: ({ tf }, { slope }, { y, gradient }) => [
    slope === 0 ? tf.reluGradient(gradient, y) : tf.leakyReluGradient(gradient, y, slope),
  ],
});
