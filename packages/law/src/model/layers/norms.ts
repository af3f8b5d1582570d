/** Norms, with eps 1e-5. `scale`: what the norm's scale begins with. */
import type { NodeId } from '../node.ts';
import { type BuildContext, layer, like } from './layer.ts';
import { constant } from './tensors.ts';

const affine = (name: string, numChannels: number, scale: number) => [
  constant(`${name}.weight`, 'normScale', numChannels, scale),
  constant(`${name}.bias`, 'normShift', numChannels, 0),
];

/** torch.nn.BatchNorm2d. */
export const batchNorm = layer({
  build(context: BuildContext, x: NodeId, name: string, { scale = 1 } = {}) {
    const numChannels = context.channelsOf(x);
    const statistics = [
      constant(`${name}.running_mean`, 'runningMean', numChannels, 0),
      constant(`${name}.running_var`, 'runningVariance', numChannels, 1),
    ];
    return { ...like(context, x), parameters: affine(name, numChannels, scale), statistics };
  },
  readsInputs: true,
});

/** torch.nn.GroupNorm, over each image for itself; with a group for each channel torch.nn.InstanceNorm2d(affine=True). */
export const groupNorm = layer({
  build(context: BuildContext, x: NodeId, name: string, numGroups: number, { scale = 1 } = {}) {
    return { ...like(context, x), parameters: affine(name, context.channelsOf(x), scale), numGroups };
  },
  readsInputs: true,
});
