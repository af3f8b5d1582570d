/** The true mask of a photo, as labels of the model's classes; used only to be shown and scored beside a prediction. */
import { FileError, type MaskMeaning, readLabels } from '@unet-fleet/dataset';
import type { LabelMap } from '@unet-fleet/pictures';
import { readPlain } from '@unet-fleet/shared';

export interface TruthOptions extends MaskMeaning {
  numClasses: number;
}

/**
 * Throws a FileError if the mask can't be read, has another size than the photo, or holds values that are no class of the
 * model.
 */
export async function readTruth(
  path: string,
  photo: { width: number; height: number },
  options: TruthOptions,
): Promise<LabelMap> {
  const { width, height, labels, strange } = await readLabels(path, await readPlain(path), options);
  if (width !== photo.width || height !== photo.height) {
    throw new FileError(
      path,
      `it has ${width} x ${height} pixels, its photo ${photo.width} x ${photo.height}`,
    );
  }
  const wrong = labels.find((label) => label >= options.numClasses && label !== options.ignored);
  if (strange.length > 0 || wrong !== undefined) {
    throw new FileError(path, `it holds ${strange[0]?.value ?? wrong}, which is no class of the model`);
  }
  return { width, height, labels };
}
