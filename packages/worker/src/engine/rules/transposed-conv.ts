/**
 * torch.nn.ConvTranspose2d with kernel and stride 2. The blocks of the result do not overlap, so it is one product of
 * matrices, [pixels, in] with [4 * out, in] transposed, whose 4 * out columns are then laid out as blocks of 2x2 pixels.
 */
import type { NodeOf } from '@unet-fleet/law';
import type { Tensor } from '../tensorflow.ts';
import { giveBiasGradient, withBias } from './bias.ts';
import { factorOf, matrixOf, type NetworkContext, plainRule } from './rule.ts';

export const transposedConv = plainRule<'transposedConv'>({
  forward(context, node, inputs) {
    const { tf } = context;
    const x = inputs[0]!;
    const [numImages, height, width] = x.shape as [number, number, number];
    const rows = matrixOf(tf, x);
    const filter = filterMatrix(context, node);
    const product = tf.matMul(rows, filter, { b: true });
    const blocks = tf.reshape(product, [numImages, height, width, filter.shape[0]!]);
    const z = tf.depthToSpace(blocks);
    tf.free(rows, filter, product, blocks);
    return withBias(context, node, z);
  },

  backward(context, node, { inputs, gradient, needsInput, sink }) {
    const { tf } = context;
    const x = inputs[0]!;
    const [weight] = node.parameters;
    giveBiasGradient(context, node, gradient, sink);
    const blocks = tf.spaceToDepth(gradient);
    const [rows, blockRows] = [matrixOf(tf, x), matrixOf(tf, blocks)];
    const filterGradient = tf.matMul(blockRows, rows, { a: true });
    sink.gradient(weight!.name, tf.read(filterGradient));
    tf.free(blocks, rows, filterGradient);
    const input = needsInput[0] ? inputGradient(context, node, x, blockRows) : null;
    tf.free(blockRows);
    return [input];
  },
});

function inputGradient(
  context: NetworkContext,
  node: NodeOf<'transposedConv'>,
  x: Tensor,
  blockRows: Tensor,
): Tensor {
  const { tf } = context;
  const filter = filterMatrix(context, node);
  const product = tf.matMul(blockRows, filter);
  const input = tf.reshape(product, x.shape);
  tf.free(filter, product);
  return input;
}

/** HWOI as [4 * out, in]. */
const filterMatrix = (context: NetworkContext, node: NodeOf<'transposedConv'>): Tensor =>
  matrixOf(context.tf, factorOf(context, node, 0));
