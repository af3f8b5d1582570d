/**
 * What computing a graph costs, from the graph alone: multiply-adds, and the most bytes of maps that are held at one time.
 * An engine needs some memory beside (workspaces of its kernels), but the maps are what grows with photos and width.
 */
import { type LayerGraph, layerOf } from './graph.ts';
import { lifetimesOf } from './lifetimes.ts';
import { bytesPerValue, type Precision } from './precision.ts';
import { sidesOf } from './sides.ts';

export interface Cost {
  /** Of the forward pass for one image; a training step has three times as many. */
  multiplyAdds: number;
  /** Of all maps and their gradients that a training step holds at one time, for the whole leaf. */
  trainingBytes: number;
  /** Of the maps that inference holds at one time, for the whole leaf. */
  inferenceBytes: number;
}

/** The cost of a leaf of `numImages` photos. Throws where the graph can't compute the size (sideLimits). */
export function costOf(
  graph: LayerGraph,
  leaf: { width: number; height: number; numImages: number },
  precision: Precision,
): Cost {
  const { width, height, numImages } = leaf;
  const [heights, widths] = [sidesOf(graph, height), sidesOf(graph, width)];
  if (heights === null || widths === null) throw new RangeError(`no maps of ${width}x${height} pixels`);
  const { nodes } = graph;
  const numPixels = nodes.map((_, id) => heights[id]! * widths[id]!);
  const bytes = nodes.map(
    ({ numChannels }, id) => numImages * numPixels[id]! * numChannels * bytesPerValue[precision],
  );
  const { needed, afterInference, afterForward, afterBackward } = lifetimesOf(graph);
  const order = [...nodes.keys()].filter((id) => needed[id]);
  let multiplyAdds = 0;
  for (const id of order)
    multiplyAdds += numPixels[id]! * (layerOf(nodes[id]!).multiplyAdds?.(nodes[id]!) ?? 0);

  const inference = new Meter();
  const training = new Meter();
  const keptBytes = (id: number) => (layerOf(nodes[id]!).keepsMap ? bytes[id]! : 0);
  const sum = (ids: readonly number[]) => ids.reduce((total, id) => total + bytes[id]!, 0);
  for (const id of order) {
    inference.take(bytes[id]!);
    inference.giveBack(sum(afterInference[id]!));
    training.take(bytes[id]! + keptBytes(id));
    training.giveBack(sum(afterForward[id]!));
  }
  // Logits and their gradient are of one size, and the first are freed once the second is there.
  const hasGradient = new Set([graph.output]);
  for (const id of order.toReversed()) {
    for (const input of nodes[id]!.inputs) {
      if (nodes[input]!.kind === 'input') continue;
      training.take(bytes[input]!);
      // A second part is added to the first, and both are freed.
      if (hasGradient.has(input)) training.giveBack(bytes[input]!);
      hasGradient.add(input);
    }
    training.giveBack(bytes[id]! + keptBytes(id) + sum(afterBackward[id]!));
  }
  return { multiplyAdds, trainingBytes: training.peak, inferenceBytes: inference.peak };
}

class Meter {
  peak = 0;
  #held = 0;

  take(numBytes: number): void {
    this.#held += numBytes;
    this.peak = Math.max(this.peak, this.#held);
  }

  giveBack(numBytes: number): void {
    this.#held -= numBytes;
  }
}
