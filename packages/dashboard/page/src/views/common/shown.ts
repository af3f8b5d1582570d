/** The pictures of one step, loaded together so that the slider moves all of them at once. */

import { messageOf } from '@unet-fleet/law';
import { countClasses, type LabelMap } from '@unet-fleet/pictures/models/class-map';
import type { PictureSource } from './picture-source.ts';
import type { Pixels } from './pixels.ts';

export interface Shown {
  id: string;
  photo: Pixels | null;
  truth: LabelMap | null;
  /** null where the photo was not followed at the step. */
  prediction: LabelMap | null;
  error: string | null;
}

export async function loadShown(source: PictureSource, step: number, id: string): Promise<Shown> {
  try {
    const [photo, truth, prediction] = await Promise.all([
      source.photo(id),
      source.truth(id),
      source.prediction(step, id),
    ]);
    return { id, photo, truth, prediction, error: null };
  } catch (error) {
    return { id, photo: null, truth: null, prediction: null, error: messageOf(error) };
  }
}

/** Pixels by class over all maps that are shown: which classes the legend begins with. */
export function countShown(maps: readonly (LabelMap | null)[], numClasses: number): Float64Array {
  const sums = new Float64Array(numClasses);
  for (const map of maps) {
    if (map !== null)
      countClasses(map, numClasses).forEach((count, index) => {
        sums[index]! += count;
      });
  }
  return sums;
}
