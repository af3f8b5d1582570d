/**
 * When each map of a graph is needed for the last time: what an engine frees, and the peak of its memory, follow from it.
 * A backward pass walks the nodes in reverse, and a node's rule needs its inputs' values, its own, or neither.
 */
import { type LayerGraph, layerOf, neededNodes } from './graph.ts';
import type { NodeId } from './node.ts';

export interface Lifetimes {
  /** Whether the output needs the node; others are not computed. */
  needed: readonly boolean[];
  /** Maps that nobody reads any more once this node is computed, for inference. The output is in none. */
  afterInference: readonly (readonly NodeId[])[];
  /** The same for training, where the backward pass reads some again. */
  afterForward: readonly (readonly NodeId[])[];
  /** And once the node's backward rule has run. */
  afterBackward: readonly (readonly NodeId[])[];
}

/** The photo's map, which is the caller's, is in none of the lists, nor is the output. */
export function lifetimesOf(graph: LayerGraph): Lifetimes {
  const { nodes, output } = graph;
  const needed = neededNodes(graph);
  const lastForward = nodes.map((_, id) => id);
  /** The lowest node whose backward rule reads the map. */
  const lastBackward: (NodeId | null)[] = nodes.map(() => null);
  for (const [id, node] of nodes.entries()) {
    if (!needed[id]) continue;
    for (const input of node.inputs) lastForward[input] = id;
    // Ids fall on the way back, so the first node that reads a map is the last to.
    if (layerOf(node).readsInputs) for (const input of node.inputs) lastBackward[input] ??= id;
  }
  for (const [id, node] of nodes.entries()) if (layerOf(node).readsOutput) lastBackward[id] = id;
  const lists = () => nodes.map((): NodeId[] => []);
  const [afterInference, afterForward, afterBackward] = [lists(), lists(), lists()];
  for (const [id, node] of nodes.entries()) {
    if (!needed[id] || node.kind === 'input' || id === output) continue;
    afterInference[lastForward[id]!]!.push(id);
    const back = lastBackward[id] ?? null;
    if (back === null) afterForward[lastForward[id]!]!.push(id);
    else afterBackward[back]!.push(id);
  }
  return { needed, afterInference, afterForward, afterBackward };
}
