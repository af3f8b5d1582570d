/** torch.nn.Dropout, whose mask is the law's (dropout-mask.ts): a function of the photo's place in the plan and of `name`. */
import type { NodeId } from '../node.ts';
import { type BuildContext, layer, like } from './layer.ts';

export const dropout = layer({
  build: (context: BuildContext, x: NodeId, name: string, rate: number) => ({
    ...like(context, x),
    name,
    rate,
  }),
  keepsMap: true,
});
