/** Functions of each value for itself. A new one is a line here and a rule in the engine's rules/activations.ts. */
import type { NodeId } from '../node.ts';
import { type BuildContext, layer, like } from './layer.ts';

/** torch.nn.ReLU. The sign of what comes out is the sign of what goes in. */
export const relu = layer({ build: like, readsOutput: true });

/** torch.nn.LeakyReLU, of a positive slope. */
export const leakyRelu = layer({
  build: (context: BuildContext, x: NodeId, slope: number) => ({ ...like(context, x), slope }),
  readsOutput: true,
});
