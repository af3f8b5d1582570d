/** What all nodes of a graph have, and the tensors that they declare: the words that layers/ and graph.ts share. */

/** Index of a node in its graph; also names the map that it computes. */
export type NodeId = number;

/** How a tensor begins. `uniform`: U(-bound, bound); `normal`: N(0, deviation²). */
export type Initial =
  | { kind: 'constant'; value: number }
  | { kind: 'uniform'; bound: number }
  | { kind: 'normal'; deviation: number };

export type TensorKind =
  | 'conv'
  | 'transposedConv'
  | 'bias'
  | 'normScale'
  | 'normShift'
  | 'runningMean'
  | 'runningVariance';

/** A tensor of a node, not yet placed in a flat vector. */
export interface TensorDeclaration {
  /** Name in PyTorch's state dict, such as "down1.maxpool_conv.1.double_conv.0.weight". */
  name: string;
  kind: TensorKind;
  /** Shape in PyTorch: conv OIHW, transposed conv IOHW, others [n]. */
  torchShape: number[];
  /** Shape in the engine and in the flat vector: conv HWIO, transposed conv HWOI, others [n]. */
  engineShape: number[];
  /** Of the layer: inputs that one output is made of. 0 where nothing is summed. */
  fanIn: number;
  initial: Initial;
}

export interface NodeBase {
  inputs: readonly NodeId[];
  /** Of the node's map. */
  numChannels: number;
  /** Trainable, in the order of PyTorch's state dict. */
  parameters: readonly TensorDeclaration[];
  /** Running means and variances, which are no parameters. */
  statistics: readonly TensorDeclaration[];
}
