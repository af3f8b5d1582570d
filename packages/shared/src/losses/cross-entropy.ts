/** torch.nn.functional.cross_entropy with weight and ignore_index, as a mean over the valid pixels of the global batch. */
import { defineLoss } from './loss.ts';

export const crossEntropy = defineLoss({
  options: {
    classWeights: {
      doc: 'weights of the classes in the loss: balanced, or one number per class, separated by commas',
      format: 'classWeights',
      default: '',
    },
  },
});
