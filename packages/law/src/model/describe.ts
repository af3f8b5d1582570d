/** The tensors of a model's graph, each with its place in the flat vectors. */
import { graphOf } from './architectures/index.ts';
import type { LayerGraph } from './graph.ts';
import type { TensorDeclaration } from './node.ts';
import type { ModelConfig, ModelDescription, ModelTensors, TensorSpec } from './types.ts';

export const describeModel = (config: ModelConfig): ModelDescription => ({
  config,
  ...tensorsOf(graphOf(config)),
});

/** All tensors of a graph, in its order. */
export function tensorsOf({ nodes }: LayerGraph): ModelTensors {
  const [parameters, numParameters] = placed(nodes.flatMap((node) => node.parameters));
  const [statistics, numStatistics] = placed(nodes.flatMap((node) => node.statistics));
  return { parameters, numParameters, statistics, numStatistics };
}

function placed(declarations: readonly TensorDeclaration[]): [TensorSpec[], number] {
  let offset = 0;
  const specs = declarations.map((declaration): TensorSpec => {
    const size = declaration.torchShape.reduce((product, n) => product * n, 1);
    const spec = { ...declaration, offset, size };
    offset += size;
    return spec;
  });
  return [specs, offset];
}
