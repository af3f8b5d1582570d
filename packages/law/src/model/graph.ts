/**
 * A network as data: nodes in the order in which they are computed, each with its inputs, its parameters and what PyTorch
 * calls them. What it keeps true: nobody else knows a topology. Parameters and their order, PyTorch's state dict, the
 * engine's forward and backward pass, the sides that a picture may have and the cost of computing it all follow from the
 * graph. Maps are NHWC; an architecture is a function from a ModelConfig to a graph (architectures/), a kind of node an
 * entry of layers/.
 */
import { layers } from './layers/index.ts';
import type { Layer } from './layers/layer.ts';
import type { NodeBase, NodeId } from './node.ts';

export type Layers = typeof layers;
export type NodeKind = keyof Layers;
/** What a node of the kind has beside what all have. */
type Own<K extends NodeKind> = Omit<ReturnType<Layers[K]['build']>, keyof NodeBase>;
export type NodeOf<K extends NodeKind> = K extends NodeKind ? NodeBase & { kind: K } & Own<K> : never;
export type GraphNode = NodeOf<NodeKind>;

export interface LayerGraph {
  /** The first is the photo; each comes after its inputs. */
  nodes: readonly GraphNode[];
  /** The logits at full size. */
  output: NodeId;
  /** Logits at lower sizes, of heads that supervise deep levels; the highest first. They have parameters, and no part in the output. */
  deepOutputs: readonly NodeId[];
}

/** The entry of a node's kind, which gets its own nodes alone. */
export const layerOf = ({ kind }: GraphNode): Layer<unknown[], object> =>
  layers[kind] as unknown as Layer<unknown[], object>;

/** Nodes that the output needs, itself among them. */
export function neededNodes({ nodes, output }: LayerGraph): boolean[] {
  const needed = nodes.map((_, id) => id === output);
  for (let id = nodes.length - 1; id >= 0; id--) {
    if (needed[id]) for (const input of nodes[id]!.inputs) needed[input] = true;
  }
  return needed;
}
