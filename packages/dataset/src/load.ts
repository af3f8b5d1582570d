/**
 * Loads one sample at training size. The files' hashes are compared with those of the scan, so that a worker with
 * other files, or a file that changed during the run, is found before it can change a weight.
 */
import { type DataConfig, UserError } from '@unet-fleet/law';
import { type DataFile, type FileReader, filesOf, folderReader, type ReadFile } from './files.ts';
import { FileError } from './readers/file-error.ts';
import { type MaskConfig, maskMeaning, readLabels } from './readers/labels.ts';
import { decodePhoto } from './readers/photo.ts';
import { resizeLabels, resizePhoto } from './resize.ts';
import { sha256Of } from './scan.ts';
import type { LoadedSample, Sample, Size } from './types.ts';

/** The part of the configuration that loading needs. */
export type LoadConfig = Pick<
  DataConfig,
  'images' | 'masks' | 'channels' | 'maxPixels' | 'valueRange' | 'orientation'
> &
  MaskConfig;

/** Throws a UserError if a file is missing, or is not the one that was scanned. */
export async function loadSample(
  data: LoadConfig,
  sample: Sample,
  target: Size,
  read: FileReader = folderReader(data),
): Promise<LoadedSample> {
  const [photo, mask] = filesOf(sample);
  const [pixels, labels] = await Promise.all([
    scanned(read, photo).then((file) => loadPixels(data, file, sample, target)),
    scanned(read, mask).then((file) => loadLabels(data, file, sample, target)),
  ]);
  return { width: target.width, height: target.height, channels: data.channels, pixels, labels };
}

async function loadPixels(
  data: LoadConfig,
  { bytes, path }: ReadFile,
  { page }: Sample,
  target: Size,
): Promise<Uint8Array | Float32Array> {
  const { channels, valueRange, orientation, maxPixels } = data;
  const options = { channels, valueRange, orientation, maxPixels, page };
  return resizePhoto(await decodePhoto(path, bytes, options), target);
}

async function loadLabels(
  data: LoadConfig,
  { bytes, path }: ReadFile,
  sample: Sample,
  target: Size,
): Promise<Uint8Array | Uint16Array> {
  const mask = await readLabels(path, bytes, { ...(await maskMeaning(data)), page: sample.page });
  // Same bytes, other options: only another palette, variable or mapping than at the scan can do this.
  if (mask.width !== sample.width || mask.height !== sample.height || mask.strange.length > 0) {
    throw new FileError(
      path,
      'its values are not those of the scan; the palette file, --mask-values or --mat-variable has changed',
    );
  }
  return resizeLabels(mask.labels, mask, target);
}

async function scanned(read: FileReader, file: DataFile): Promise<ReadFile> {
  const found = await read(file);
  if (sha256Of(found.bytes) !== file.sha256) {
    throw new UserError(
      `${found.path} is not the file that the run was created with: restore it, or start a new run with the changed data.`,
    );
  }
  return found;
}
