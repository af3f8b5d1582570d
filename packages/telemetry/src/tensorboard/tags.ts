/**
 * The tags of a run in TensorBoard. docs/tensorboard.md lists these, word for word (a test compares). Names are those
 * that PyTorch's U-Net trainers use: Loss/train and learning_rate of milesial/Pytorch-UNet, weights and gradients by
 * the names of its state dict.
 */
import { type ClassScoreName, classScores, recordedScores } from '@unet-fleet/law';

export type TagKind = 'scalar' | 'picture' | 'histogram' | 'plugin';

export interface TagInfo {
  /** With <…> for what depends on the run. */
  tag: string;
  kind: TagKind;
  when: 'step' | 'validation' | 'start' | 'end';
  meaning: string;
}

export const lossTag = 'Loss/train';
export const rateTag = 'learning_rate';
export const normTag = 'gradient_norm';
export const speedTag = 'images_per_second';
export const validationLossTag = 'Loss/validation';
export const accuracyTag = 'pixel_accuracy';
/** Of every class, and of their mean. */
export const scorePrefix = (of: ClassScoreName): string => `${classScores[of].title}/`;
export const meanTag = (of: ClassScoreName): string => `${scorePrefix(of)}mean`;
/** A class called "mean" is told from the mean over all. */
export const classTag = (of: ClassScoreName, name: string): string =>
  `${scorePrefix(of)}${name === 'mean' ? 'class mean' : name}`;
export const masksTag = (sampleId: string): string => `masks/${sampleId}`;
export const weightsTag = (tensor: string): string => `weights/${tensor}`;
export const gradientsTag = (tensor: string): string => `gradients/${tensor}`;

const scalars = (when: TagInfo['when'], meanings: Record<string, string>): TagInfo[] =>
  Object.entries(meanings).map(([tag, meaning]) => ({ tag, kind: 'scalar', when, meaning }));

export const tags: readonly TagInfo[] = [
  ...scalars('step', {
    [lossTag]: 'mean loss over the valid pixels of the batch',
    [rateTag]: 'rate that the step was made with',
    [normTag]: 'norm of the mean gradient, before clipping',
    [speedTag]: 'images of the batch by the duration of the step',
  }),
  ...scalars('validation', {
    [validationLossTag]: 'mean loss over the valid pixels of all validation photos',
    ...Object.assign(
      {},
      ...recordedScores.map(({ of }) => ({
        [meanTag(of)]: 'mean over the classes that occur in truth or prediction',
        [classTag(of, '<class>')]:
          `${classScores[of].title} of a class; missing where the class occurs in neither`,
      })),
    ),
    [accuracyTag]: 'share of valid pixels with the right class',
  }),
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
