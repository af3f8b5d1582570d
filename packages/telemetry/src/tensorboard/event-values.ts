/** From an event of the run to the scalars that are written of it. Pure. */

import type { RecordedOf } from '@unet-fleet/law';
import { scalar, type Value } from './summaries.ts';
import {
  accuracyTag,
  classIouTag,
  lossTag,
  meanIouTag,
  normTag,
  rateTag,
  speedTag,
  validationLossTag,
} from './tags.ts';

/** Where there is none, a curve has no point. */
const figure = (tag: string, value: number | null): Value[] => (value === null ? [] : [scalar(tag, value)]);

export const stepValues = (event: RecordedOf<'step'>): Value[] => [
  ...figure(lossTag, event.loss),
  scalar(rateTag, event.learningRate),
  ...figure(normTag, event.gradientNorm),
  ...(event.stepMs > 0 ? [scalar(speedTag, (event.numImages * 1_000) / event.stepMs)] : []),
];

export const validatedValues = (event: RecordedOf<'validated'>, classNames: readonly string[]): Value[] => [
  ...figure(validationLossTag, event.loss),
  ...figure(meanIouTag, event.meanIou),
  ...figure(accuracyTag, event.pixelAccuracy),
  ...(event.classIou ?? []).flatMap((iou, index) =>
    iou === null ? [] : [scalar(classIouTag(classNames[index] || `class ${index}`), iou)],
  ),
];
