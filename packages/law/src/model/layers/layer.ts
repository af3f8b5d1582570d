/**
 * What the law knows of one kind of node, in one entry: how it is built, the size of its map, what its way back reads and
 * what it costs. The builder's methods, sides, lifetimes and cost follow; the engine's side is its rule.
 */
import type { NodeBase, NodeId } from '../node.ts';
import type { ConvInitial } from './tensors.ts';

/** What an entry may ask of the graph that is being built. */
export interface BuildContext {
  convInitial: ConvInitial;
  channelsOf(id: NodeId): number;
}

/** Parameters and statistics only where there are any. */
type Built = Pick<NodeBase, 'inputs' | 'numChannels'> & Partial<NodeBase>;

export interface Layer<Args extends unknown[], Own extends object> {
  /** The node, from the arguments of the builder's method: ids of its inputs, then what is its own. */
  build(context: BuildContext, ...args: Args): Built & Own;
  /** Height or width of the map from those of the inputs; null where it can't be computed. Without it: the first one's. */
  sideAfter?(sides: readonly number[], node: NodeBase & Own): number | null;
  /** Whether the backward rule reads the values of the inputs, or of the node's own map. All may read shapes. */
  readsInputs?: boolean;
  readsOutput?: boolean;
  /** Whether the rule keeps something of the map's size from the way forth to the way back. */
  keepsMap?: boolean;
  /** For one pixel of the map. */
  multiplyAdds?(node: NodeBase & Own): number;
}

/** The entry itself, with what is the node's own taken from `build`. */
export const layer = <Args extends unknown[], Own extends object>(entry: Layer<Args, Own>) => entry;

/** A node of one input whose map has as many channels. */
export const like = ({ channelsOf }: BuildContext, x: NodeId) => ({
  inputs: [x],
  numChannels: channelsOf(x),
});
