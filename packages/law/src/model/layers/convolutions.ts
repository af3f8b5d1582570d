/** Convolutions, of which the last comes with twice the height and width. */
import type { NodeId } from '../node.ts';
import { type BuildContext, layer } from './layer.ts';
import { convTensors } from './tensors.ts';

export interface ConvOptions {
  kernel?: number;
  stride?: number;
  dilation?: number;
  hasBias?: boolean;
}

/** torch.nn.Conv2d with padding `dilation * (kernel - 1) / 2`; the kernel is odd. */
export const conv = layer({
  build(
    { channelsOf, convInitial }: BuildContext,
    x: NodeId,
    name: string,
    numOut: number,
    { kernel = 3, stride = 1, dilation = 1, hasBias = false }: ConvOptions = {},
  ) {
    if (kernel % 2 === 0) throw new RangeError(`${name} has a kernel of ${kernel}, which has no middle`);
    const numIn = channelsOf(x);
    const weight = {
      kind: 'conv' as const,
      torchShape: [numOut, numIn, kernel, kernel],
      engineShape: [kernel, kernel, numIn, numOut],
      fanIn: numIn * kernel * kernel,
    };
    const parameters = convTensors(convInitial, name, weight, { numOut, hasBias });
    return { inputs: [x], numChannels: numOut, parameters, kernel, stride, dilation, hasBias };
  },
  sideAfter: ([side], { stride }) => Math.floor((side! - 1) / stride) + 1,
  readsInputs: true,
  multiplyAdds: ({ parameters: [weight], numChannels }) => weight!.fanIn * numChannels,
});

/** torch.nn.ConvTranspose2d with kernel 2 and stride 2: twice the height and width, blocks that do not overlap. */
export const transposedConv = layer({
  build(
    { channelsOf, convInitial }: BuildContext,
    x: NodeId,
    name: string,
    numOut: number,
    { hasBias = true } = {},
  ) {
    const numIn = channelsOf(x);
    const weight = {
      kind: 'transposedConv' as const,
      torchShape: [numIn, numOut, 2, 2],
      engineShape: [2, 2, numOut, numIn],
      // PyTorch takes the fan from dimension 1 of the weight, which is the output's here.
      fanIn: numOut * 2 * 2,
    };
    const parameters = convTensors(convInitial, name, weight, { numOut, hasBias });
    return { inputs: [x], numChannels: numOut, parameters, hasBias };
  },
  sideAfter: ([side]) => side! * 2,
  readsInputs: true,
  // Each pixel of the result has one cell of the kernel.
  multiplyAdds: ({ parameters: [weight] }) => weight!.torchShape[0]! * weight!.torchShape[1]!,
});
