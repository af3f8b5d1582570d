/** When the gradients of a model's parameters are complete, as parts of the time that a leaf takes. Pure. */
import { describeModel, graphOf, layerOf, type ModelConfig, sidesOf, type TensorSpec } from '@unet-fleet/law';

export interface CompleteTensor {
  spec: TensorSpec;
  /** In the order of the model's description. */
  index: number;
  /** From 0, the leaf begins, to 1, it is done. */
  at: number;
}

/** A backward pass computes twice what a forward pass does: the gradients of a node's input and of its weights. */
const forwardShare = 1 / 3;

/** In the order in which a backward pass over the graph completes them, for photos of this size. */
export function backwardOrder(config: ModelConfig, width: number, height: number): CompleteTensor[] {
  const graph = graphOf(config);
  const specs = new Map(describeModel(config).parameters.map((spec, index) => [spec.name, { spec, index }]));
  const [widths, heights] = [sidesOf(graph, width)!, sidesOf(graph, height)!];
  const work = graph.nodes.map(
    (node, id) => (widths[id] ?? 0) * (heights[id] ?? 0) * (layerOf(node).multiplyAdds?.(node) ?? 0),
  );
  const all = work.reduce((sum, one) => sum + one, 0);
  const complete: CompleteTensor[] = [];
  let done = 0;
  for (const [id, { parameters }] of [...graph.nodes.entries()].toReversed()) {
    done += work[id]!;
    const at = forwardShare + (1 - forwardShare) * (done / all);
    for (const { name } of parameters) complete.push({ ...specs.get(name)!, at });
  }
  return complete;
}
