/** From an event of the run to the scalars that are written of it. Pure. */

import { type RecordedOf, recordedScores } from '@unet-fleet/law';
import { scalar, type Value } from './summaries.ts';
import {
  accuracyTag,
  classTag,
  lossTag,
  meanTag,
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
  ...recordedScores.flatMap(({ of, mean }) => figure(meanTag(of), event[mean])),
  ...figure(accuracyTag, event.pixelAccuracy),
  ...recordedScores.flatMap(({ of, byClass }) =>
    (event[byClass] ?? []).flatMap((score, index) =>
      figure(classTag(of, classNames[index] || `class ${index}`), score),
    ),
  ),
];
