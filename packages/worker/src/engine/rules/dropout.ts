/** torch.nn.Dropout by the law's mask: the same for the way back, and nothing in inference. */
import { fillDropoutMask } from '@unet-fleet/law';
import type { Tensor } from '../tensorflow.ts';
import { type Rule, sharing } from './rule.ts';

export const dropout: Rule<'dropout', Tensor> = {
  forward({ tf, precision }, node, inputs, { place }) {
    const [numImages, height, width, numChannels] = inputs[0]!.shape as [number, number, number, number];
    const values = new Float32Array(numImages * height * width * numChannels);
    fillDropoutMask(values, node, place, numImages);
    const mask = tf.into(precision, tf.tensor(inputs[0]!.shape, values));
    return { y: tf.multiply(inputs[0]!, mask), kept: mask };
  },

  infer: ({ tf }, _node, inputs) => sharing(tf, inputs[0]!),

  backward({ tf }, _node, { kept: mask, gradient, needsInput }) {
    const before = needsInput[0] ? tf.multiply(gradient, mask) : null;
    tf.free(mask);
    return [before];
  },
};
