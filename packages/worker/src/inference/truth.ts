/** The true mask of a photo, where a folder of masks has one; used only to be shown and scored beside a prediction. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FileError, type MaskMeaning, maskExtensionsOf, readLabels } from '@unet-fleet/dataset';
import type { LabelMap } from '@unet-fleet/pictures';

export interface TruthOptions extends MaskMeaning {
  masks: string;
  maskSuffix: string;
  numClasses: number;
}

/**
 * The mask `<masks>/<id><suffix>.<extension>`, or null if there is none. Throws a FileError if it can't be read,
 * has another size than the photo, or holds values that are no class of the model.
 */
export async function readTruth(
  id: string,
  photo: { width: number; height: number },
  options: TruthOptions,
): Promise<LabelMap | null> {
  for (const extension of maskExtensionsOf(options)) {
    const path = join(options.masks, `${id}${options.maskSuffix}${extension}`);
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
      throw error;
    });
    if (bytes === null) continue;
    const { width, height, labels, strange } = await readLabels(path, bytes, options);
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
  return null;
}
