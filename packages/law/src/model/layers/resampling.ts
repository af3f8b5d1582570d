/** Halving and doubling of height and width without parameters. */
import { layer, like } from './layer.ts';

const half = ([side]: readonly number[]) => Math.floor(side! / 2);

/** torch.nn.MaxPool2d(2): an odd last row or column is left out. */
export const maxPool = layer({ build: like, sideAfter: half, readsInputs: true, readsOutput: true });

/** torch.nn.AvgPool2d(2), likewise. */
export const averagePool = layer({ build: like, sideAfter: half });

/** torch.nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True). */
export const bilinear = layer({ build: like, sideAfter: ([side]) => side! * 2, readsInputs: true });
