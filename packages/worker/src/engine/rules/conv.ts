/** torch.nn.Conv2d. */
import type { NodeOf } from '@unet-fleet/law';
import { filterGradient } from '../filter-gradient.ts';
import type { Tensor, TensorFlow } from '../tensorflow.ts';
import { giveBiasGradient, withBias } from './bias.ts';
import { factorOf, matrixOf, plainRule } from './rule.ts';

export const conv = plainRule<'conv'>({
  forward(context, node, inputs) {
    const { tf } = context;
    const z = tf.conv(inputs[0]!, factorOf(context, node, 0), node);
    return withBias(context, node, z);
  },

  backward(context, node, { inputs, gradient, needsInput, sink }) {
    const { tf } = context;
    const x = inputs[0]!;
    const [weight] = node.parameters;
    giveBiasGradient(context, node, gradient, sink);
    const filter = filterGradientOf(tf, node, x, weight!.engineShape, gradient);
    sink.gradient(weight!.name, ...filter.map((part) => tf.read(part)));
    tf.free(...filter);
    if (!needsInput[0]) return [null];
    return [tf.convInputGradient(x.shape, factorOf(context, node, 0), gradient, node)];
  },
});

/** As tensors whose values follow each other. A kernel of one pixel is one product of matrices. */
function filterGradientOf(
  tf: TensorFlow,
  { kernel, stride, dilation }: NodeOf<'conv'>,
  x: Tensor,
  shape: readonly number[],
  gradient: Tensor,
): Tensor[] {
  const isPlain = stride === 1 && dilation === 1;
  if (kernel === 3 && isPlain) return filterGradient(tf, x, shape, gradient);
  if (kernel > 1 || !isPlain) return [tf.convFilterGradient(x, shape, gradient, { stride, dilation })];
  const [rows, gradientRows] = [matrixOf(tf, x), matrixOf(tf, gradient)];
  const filter = tf.matMul(rows, gradientRows, { a: true });
  tf.free(rows, gradientRows);
  return [filter];
}
