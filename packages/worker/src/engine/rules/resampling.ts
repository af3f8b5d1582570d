/** Halving and doubling of height and width without parameters. */
import { plainRule } from './rule.ts';

export const maxPool = plainRule<'maxPool'>({
  forward: ({ tf }, _node, inputs) => tf.maxPool(inputs[0]!),
  backward: ({ tf }, _node, { inputs, y, gradient, needsInput }) => [
    needsInput[0] ? tf.maxPoolGradient(inputs[0]!, y, gradient) : null,
  ],
});

export const averagePool = plainRule<'averagePool'>({
  forward: ({ tf }, _node, inputs) => tf.averagePool(inputs[0]!),
  backward: ({ tf }, _node, { inputs, gradient, needsInput }) => [
    needsInput[0] ? tf.averagePoolGradient(inputs[0]!.shape, gradient) : null,
  ],
});

export const bilinear = plainRule<'bilinear'>({
  forward: ({ tf }, _node, inputs) => tf.upsampleBilinear(inputs[0]!),
  backward: ({ tf }, _node, { inputs, gradient, needsInput }) => [
    needsInput[0] ? tf.upsampleBilinearGradient(gradient, inputs[0]!) : null,
  ],
});
