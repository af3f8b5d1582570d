/** The bias that a convolution of either kind may have, behind its kernel in the list of its parameters. */
import type { NodeOf } from '@unet-fleet/law';
import type { Tensor } from '../tensorflow.ts';
import { factorOf, type NetworkContext, type Sink } from './rule.ts';

type Convolution = NodeOf<'conv' | 'transposedConv'>;

/** Takes z over: it is freed, or given back where the node has no bias. */
export function withBias(context: NetworkContext, node: Convolution, z: Tensor): Tensor {
  if (!node.hasBias) return z;
  const y = context.tf.addBias(z, factorOf(context, node, 1));
  context.tf.free(z);
  return y;
}

/** `gradient`: of the node's map, which stays the caller's. */
export function giveBiasGradient(
  { tf }: NetworkContext,
  node: Convolution,
  gradient: Tensor,
  sink: Sink,
): void {
  if (!node.hasBias) return;
  const sums = tf.biasGradient(gradient);
  sink.gradient(node.parameters[1]!.name, tf.read(sums));
  tf.free(sums);
}
