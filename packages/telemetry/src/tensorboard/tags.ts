/**
 * The tags of a run in TensorBoard. docs/tensorboard.md lists these, word for word (a test compares). Names are those
 * that PyTorch's U-Net trainers use: Loss/train and learning_rate of milesial/Pytorch-UNet, weights and gradients by
 * the names of its state dict.
 */

export type TagKind = 'scalar' | 'picture' | 'histogram' | 'plugin';

export interface TagInfo {
  /** With <…> for what depends on the run. */
  tag: string;
  kind: TagKind;
  when: 'step' | 'validation' | 'start' | 'end';
  meaning: string;
}

export const tags: readonly TagInfo[] = [
  {
    tag: 'Loss/train',
    kind: 'scalar',
    when: 'step',
    meaning: 'mean loss over the valid pixels of the batch',
  },
  { tag: 'learning_rate', kind: 'scalar', when: 'step', meaning: 'rate that the step was made with' },
  {
    tag: 'gradient_norm',
    kind: 'scalar',
    when: 'step',
    meaning: 'norm of the mean gradient, before clipping',
  },
  {
    tag: 'images_per_second',
    kind: 'scalar',
    when: 'step',
    meaning: 'images of the batch by the duration of the step',
  },
  {
    tag: 'Loss/validation',
    kind: 'scalar',
    when: 'validation',
    meaning: 'mean loss over the valid pixels of all validation photos',
  },
  {
    tag: 'IoU/mean',
    kind: 'scalar',
    when: 'validation',
    meaning: 'mean over the classes that occur in truth or prediction',
  },
  {
    tag: 'IoU/<class>',
    kind: 'scalar',
    when: 'validation',
    meaning: 'intersection over union of a class; missing where the class occurs in neither',
  },
  {
    tag: 'pixel_accuracy',
    kind: 'scalar',
    when: 'validation',
    meaning: 'share of valid pixels with the right class',
  },
  {
    tag: 'masks/<photo>',
    kind: 'picture',
    when: 'validation',
    meaning: 'a followed photo: photo, truth and prediction side by side',
  },
  {
    tag: 'weights/<tensor>',
    kind: 'histogram',
    when: 'validation',
    meaning: 'values of a parameter, from the checkpoint of the validated step',
  },
  {
    tag: 'gradients/<tensor>',
    kind: 'histogram',
    when: 'validation',
    meaning: 'mean gradient of a parameter in the validated step, before clipping',
  },
  {
    tag: '_hparams_/session_start_info',
    kind: 'plugin',
    when: 'start',
    meaning: 'every option that can change the weights',
  },
  {
    tag: '_hparams_/session_end_info',
    kind: 'plugin',
    when: 'end',
    meaning: 'that the run came to its end',
  },
  {
    tag: 'custom_scalars__config__',
    kind: 'plugin',
    when: 'start',
    meaning: 'charts of the Custom Scalars view: both losses, IoU, rate and norm',
  },
];

export const lossTag = 'Loss/train';
export const rateTag = 'learning_rate';
export const normTag = 'gradient_norm';
export const speedTag = 'images_per_second';
export const validationLossTag = 'Loss/validation';
export const meanIouTag = 'IoU/mean';
export const accuracyTag = 'pixel_accuracy';
/** Of every class, and of their mean. */
export const classIouPrefix = 'IoU/';
/** A class called "mean" is told from the mean over all. */
export const classIouTag = (name: string): string =>
  `${classIouPrefix}${name === 'mean' ? 'class mean' : name}`;
export const masksTag = (sampleId: string): string => `masks/${sampleId}`;
export const weightsTag = (tensor: string): string => `weights/${tensor}`;
export const gradientsTag = (tensor: string): string => `gradients/${tensor}`;
