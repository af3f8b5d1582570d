/** Which heights and widths a graph can compute, and how large each of its maps is: from the nodes, not from a constant. */
import { graphOf } from './architectures/index.ts';
import { type LayerGraph, layerOf } from './graph.ts';
import type { ModelConfig } from './types.ts';

export interface SideLimits {
  /** The smallest height or width, in pixels. */
  smallest: number;
  /** Heights and widths must be multiples of it. */
  multiple: number;
}

/** Height or width of every node's map for a photo with this one; null where the graph can't compute it. */
export function sidesOf({ nodes }: LayerGraph, side: number): number[] | null {
  const sides: number[] = [];
  for (const node of nodes) {
    const inputs = node.inputs.map((id) => sides[id]!);
    const { sideAfter } = layerOf(node);
    const computed = sideAfter ? sideAfter(inputs, node) : (inputs[0] ?? side);
    if (computed === null || computed < 1) return null;
    sides.push(computed);
  }
  return sides;
}

/** The limits of a model. All powers of two up to the coarsest map's are tried, which finds every limit of halving. */
export function sideLimits(config: ModelConfig): SideLimits {
  const graph = graphOf(config);
  const coarsest = 2 ** config.depth;
  const fits = (side: number) => sidesOf(graph, side) !== null;
  for (let multiple = 1; ; multiple *= 2) {
    if (multiple > coarsest) throw new Error(`no side fits ${config.architecture} of depth ${config.depth}`);
    const candidates = Array.from({ length: (4 * coarsest) / multiple }, (_, i) => (i + 1) * multiple);
    const smallest = candidates.find(fits);
    if (smallest === undefined) continue;
    if (candidates.every((side) => side < smallest || fits(side))) return { smallest, multiple };
  }
}

/** What is wrong with a picture's size, to go on after its name, with the remedy; null if it can be computed. */
export function sizeProblem(
  { width, height }: { width: number; height: number },
  { smallest, multiple }: SideLimits,
): string | null {
  if (width < smallest || height < smallest) {
    return `are too small for the model, which needs at least ${smallest}x${smallest}: use a larger --size, or a lower --depth`;
  }
  if (width % multiple === 0 && height % multiple === 0) return null;
  const nearest = (side: number) => Math.max(smallest, Math.round(side / multiple) * multiple);
  return `do not fit the model, whose sides are multiples of ${multiple}: use --size ${nearest(width)}x${nearest(height)}, or a lower --depth`;
}
