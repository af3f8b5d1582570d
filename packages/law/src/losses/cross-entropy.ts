/** torch.nn.functional.cross_entropy with weight and ignore_index, as a mean over the valid pixels of the global batch. */
import { defineLoss } from './loss.ts';
import { classWeights } from './options.ts';

export const crossEntropy = defineLoss({ options: { classWeights }, totals: null });
