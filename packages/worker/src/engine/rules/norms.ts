/** torch.nn.BatchNorm2d, and norms over each image for itself: torch.nn.GroupNorm, torch.nn.InstanceNorm2d. */
import type { NodeOf } from '@unet-fleet/law';
import { type BatchNorm, batchNorm as normalise } from '../batch-norm.ts';
import { type GroupNorm, groupNorm as normaliseGroups } from '../group-norm.ts';
import type { Tensor } from '../tensorflow.ts';
import { type NetworkContext, parameterOf, type Rule } from './rule.ts';

export const batchNorm: Rule<'batchNorm', BatchNorm> = {
  forward(context, node, inputs, { sink }) {
    const [mean, variance] = node.statistics;
    const norm = normalise(
      context.tf,
      inputs[0]!,
      parameterOf(context, node, 0),
      parameterOf(context, node, 1),
    );
    sink.statistic(mean!.name, norm.mean);
    sink.statistic(variance!.name, norm.variance);
    return { y: norm.y, kept: norm };
  },

  infer(context, node, inputs) {
    const { tf, parameters } = context;
    const [mean, variance] = node.statistics.map(({ name }) => parameters.get(name));
    const [scale, shift] = [parameterOf(context, node, 0), parameterOf(context, node, 1)];
    return tf.batchNormInference(inputs[0]!, scale, shift, mean!, variance!);
  },

  backward(_context, node, { kept, gradient, sink }) {
    const [scale, shift] = node.parameters;
    const before = kept.backward(gradient);
    sink.gradient(scale!.name, before.scale);
    sink.gradient(shift!.name, before.shift);
    return [before.x];
  },
};

export const groupNorm: Rule<'groupNorm', GroupNorm> = {
  forward(context, node, inputs) {
    const norm = normalisedGroups(context, node, inputs[0]!);
    return { y: context.tf.into(context.precision, norm.y), kept: norm };
  },

  // Each image has its own statistics, in training as later.
  infer: (context, node, inputs) =>
    context.tf.into(context.precision, normalisedGroups(context, node, inputs[0]!).y),

  backward({ tf, precision }, node, { inputs, kept, gradient, sink }) {
    const [scale, shift] = node.parameters;
    const [x, ofY] = [tf.as('float32', inputs[0]!), tf.as('float32', gradient)];
    const before = kept.backward(x, ofY);
    tf.free(x, ofY);
    sink.gradient(scale!.name, before.scale);
    sink.gradient(shift!.name, before.shift);
    return [tf.into(precision, before.x)];
  },
};

/** In float32, whatever the maps are in. */
function normalisedGroups(context: NetworkContext, node: NodeOf<'groupNorm'>, map: Tensor): GroupNorm {
  const { tf } = context;
  const x = tf.as('float32', map);
  const [scale, shift] = [parameterOf(context, node, 0), parameterOf(context, node, 1)];
  const norm = normaliseGroups(tf, x, scale, shift, node.numGroups);
  tf.free(x);
  return norm;
}
