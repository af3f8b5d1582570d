/** What the engine knows of one kind of node: how it is computed, in training and in inference, and its way back. */
import type { GraphNode, NodeKind, NodeOf, PlanPlace, Precision } from '@unet-fleet/law';
import type { Parameters } from '../parameters.ts';
import type { Tensor, TensorFlow } from '../tensorflow.ts';

/** Receives complete gradients and batch statistics. */
export interface Sink {
  /** The values of `parts`, one after another, are the whole gradient. */
  gradient(parameter: string, ...parts: Float32Array[]): void;
  statistic(name: string, values: Float32Array): void;
}

/** What the rules of a training leaf may draw by, and whom they tell. */
export interface TrainedLeaf {
  place: PlanPlace;
  sink: Sink;
}

export interface NetworkContext {
  tf: TensorFlow;
  parameters: Parameters;
  /** Of maps, of what convolutions multiply, and of their gradients. Norms, sums and the loss are float32's. */
  precision: Precision;
}

export interface Backward<Kept> {
  /** Values only of those that lifetimesOf keeps for the kind; of the others the shape alone. */
  inputs: readonly Tensor[];
  y: Tensor;
  kept: Kept;
  /** Of y. The rule neither frees nor returns it. */
  gradient: Tensor;
  /** For each input, whether anybody asks for its gradient. */
  needsInput: readonly boolean[];
  sink: Sink;
}

/** Inputs stay the caller's; every tensor that is returned belongs to the caller. */
export interface Rule<K extends NodeKind, Kept = undefined> {
  /** In training mode. `kept`: what the way back needs besides inputs and y; the rule frees it there. */
  forward(
    context: NetworkContext,
    node: NodeOf<K>,
    inputs: readonly Tensor[],
    leaf: TrainedLeaf,
  ): { y: Tensor; kept: Kept };
  infer(context: NetworkContext, node: NodeOf<K>, inputs: readonly Tensor[]): Tensor;
  /** Gives the gradients of the node's parameters to the sink, and returns those of its inputs; null where nobody asks. */
  backward(context: NetworkContext, node: NodeOf<K>, on: Backward<Kept>): (Tensor | null)[];
}

/** A rule for a node that computes the same in training and in inference. */
export function plainRule<K extends NodeKind>(rule: {
  forward(context: NetworkContext, node: NodeOf<K>, inputs: readonly Tensor[]): Tensor;
  backward: Rule<K>['backward'];
}): Rule<K> {
  return {
    forward: (context, node, inputs) => ({ y: rule.forward(context, node, inputs), kept: undefined }),
    infer: rule.forward,
    backward: rule.backward,
  };
}

/** A parameter of the node by its place in the graph's list, in float32. */
export const parameterOf = ({ parameters }: NetworkContext, node: GraphNode, index: number): Tensor =>
  parameters.get(node.parameters[index]!.name);

/** The same as a convolution takes it: in the precision of the maps. */
export const factorOf = ({ parameters, precision }: NetworkContext, node: GraphNode, index: number): Tensor =>
  parameters.get(node.parameters[index]!.name, precision);

/** All axes but the last as one. Shares the values. */
export function matrixOf(tf: TensorFlow, x: Tensor): Tensor {
  const numColumns = x.shape.at(-1)!;
  return tf.reshape(x, [x.shape.reduce((product, n) => product * n, 1) / numColumns, numColumns]);
}

/** The same values under another handle, so that each has an owner. */
export const sharing = (tf: TensorFlow, x: Tensor): Tensor => tf.reshape(x, x.shape);
