/**
 * A network as data: nodes in the order in which they are computed, each with its inputs, its parameters and what PyTorch
 * calls them. What it keeps true: nobody else knows a topology. Parameters and their order, PyTorch's state dict, the
 * engine's forward and backward pass, the sides that a picture may have and the cost of computing it all follow from the
 * graph. Maps are NHWC; an architecture is a function from a ModelConfig to a graph (architectures/).
 */

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

interface NodeBase {
  inputs: readonly NodeId[];
  /** Of the node's map. */
  numChannels: number;
  /** Trainable, in the order of PyTorch's state dict. */
  parameters: readonly TensorDeclaration[];
  /** Running means and variances, which are no parameters. */
  statistics: readonly TensorDeclaration[];
}

export interface InputNode extends NodeBase {
  kind: 'input';
}
/** torch.nn.Conv2d with padding `dilation * (kernel - 1) / 2`; the kernel is odd. */
export interface ConvNode extends NodeBase {
  kind: 'conv';
  kernel: number;
  stride: number;
  dilation: number;
  hasBias: boolean;
}
/** torch.nn.ConvTranspose2d with kernel 2 and stride 2: twice the height and width, blocks that do not overlap. */
export interface TransposedConvNode extends NodeBase {
  kind: 'transposedConv';
  hasBias: boolean;
}
/** torch.nn.BatchNorm2d, eps 1e-5. */
export interface BatchNormNode extends NodeBase {
  kind: 'batchNorm';
}
/** torch.nn.GroupNorm, eps 1e-5, over each image for itself; with a group for each channel torch.nn.InstanceNorm2d(affine=True). */
export interface GroupNormNode extends NodeBase {
  kind: 'groupNorm';
  numGroups: number;
}
/** torch.nn.LeakyReLU; slope 0 is torch.nn.ReLU. */
export interface ReluNode extends NodeBase {
  kind: 'relu';
  slope: number;
}
/** torch.nn.MaxPool2d(2): an odd last row or column is left out. */
export interface MaxPoolNode extends NodeBase {
  kind: 'maxPool';
}
/** torch.nn.AvgPool2d(2), likewise. */
export interface AveragePoolNode extends NodeBase {
  kind: 'averagePool';
}
/** torch.nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True). */
export interface BilinearNode extends NodeBase {
  kind: 'bilinear';
}
/** Zeros around the first input up to the height and width of the second: half of them, rounded down, above and left. */
export interface PadToNode extends NodeBase {
  kind: 'padTo';
}
/** Channels of the inputs, one after another. */
export interface ConcatNode extends NodeBase {
  kind: 'concat';
}
export interface AddNode extends NodeBase {
  kind: 'add';
}

export type GraphNode =
  | InputNode
  | ConvNode
  | TransposedConvNode
  | BatchNormNode
  | GroupNormNode
  | ReluNode
  | MaxPoolNode
  | AveragePoolNode
  | BilinearNode
  | PadToNode
  | ConcatNode
  | AddNode;

export type NodeKind = GraphNode['kind'];
export type NodeOf<K extends NodeKind> = Extract<GraphNode, { kind: K }>;

export interface LayerGraph {
  /** The first is the photo; each comes after its inputs. */
  nodes: readonly GraphNode[];
  /** The logits at full size. */
  output: NodeId;
  /** Logits at lower sizes, of heads that supervise deep levels; the highest first. They have parameters, and no part in the output. */
  deepOutputs: readonly NodeId[];
}

/** Nodes that the output needs, itself among them. */
export function neededNodes({ nodes, output }: LayerGraph): boolean[] {
  const needed = nodes.map((_, id) => id === output);
  for (let id = nodes.length - 1; id >= 0; id--) {
    if (needed[id]) for (const input of nodes[id]!.inputs) needed[input] = true;
  }
  return needed;
}
