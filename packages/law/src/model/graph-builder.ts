/** Builds a graph node by node: a method for each kind of layer, with the arguments of its entry. */
import { UserError } from '../errors.ts';
import type { GraphNode, LayerGraph, Layers, NodeKind } from './graph.ts';
import { layers } from './layers/index.ts';
import type { BuildContext } from './layers/layer.ts';
import type { ConvInitial } from './layers/tensors.ts';
import type { NodeId } from './node.ts';

export type NormKind = 'batch' | 'instance' | 'group';

type Rest<Args> = Args extends [BuildContext, ...infer More] ? More : never;
type LayerMethods = {
  [K in NodeKind]: (...args: Rest<Parameters<Layers[K]['build']>>) => NodeId;
};

export interface GraphBuilder extends LayerMethods {
  channelsOf(id: NodeId): number;
  /** No node where the rate is 0. */
  dropout: LayerMethods['dropout'];
  /** `scale`: what the norm's scale begins with. */
  norm(x: NodeId, name: string, kind: NormKind, options?: { scale?: number; numGroups?: number }): NodeId;
  graph(output: NodeId, deepOutputs?: readonly NodeId[]): LayerGraph;
}

export function graphBuilder(convInitial: ConvInitial): GraphBuilder {
  const nodes: GraphNode[] = [];
  const channelsOf = (id: NodeId) => nodes[id]!.numChannels;
  const methods = Object.fromEntries(
    Object.entries(layers).map(([kind, { build }]) => [
      kind,
      (...args: unknown[]): NodeId => {
        const built = (build as (...all: unknown[]) => object)({ channelsOf, convInitial }, ...args);
        return nodes.push({ kind, parameters: [], statistics: [], ...built } as unknown as GraphNode) - 1;
      },
    ]),
  ) as unknown as LayerMethods;
  return {
    ...methods,
    channelsOf,
    dropout: (x, name, rate) => (rate === 0 ? x : methods.dropout(x, name, rate)),
    norm(x, name, kind, { scale = 1, numGroups = 8 } = {}) {
      if (kind === 'batch') return methods.batchNorm(x, name, { scale });
      const numChannels = channelsOf(x);
      const groups = kind === 'instance' ? numChannels : numGroups;
      if (numChannels % groups !== 0) {
        throw new UserError(
          `--norm group makes ${groups} groups of the ${numChannels} channels of ${name}, which do not come out even: use a --base-width that is a multiple of ${groups}`,
        );
      }
      return methods.groupNorm(x, name, groups, { scale });
    },
    graph: (output, deepOutputs = []) => ({ nodes, output, deepOutputs }),
  };
}
