/**
 * Loads one sample at training size. The files' hashes are compared with those of the scan, so that a worker with
 * other files, or a file that changed during the run, is found before it can change a weight.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DataConfig, UserError } from '@unet-fleet/shared';
import { FileError } from './readers/file-error.ts';
import { readMask } from './readers/index.ts';
import { type Palette, readPalette } from './readers/palette.ts';
import { decodePhoto } from './readers/photo.ts';
import { resizeLabels, resizePhoto } from './resize.ts';
import { sha256Of } from './scan.ts';
import type { LoadedSample, Sample, Size } from './types.ts';

/** The part of the configuration that loading needs. */
export type LoadConfig = Pick<DataConfig, 'images' | 'masks' | 'matVariable' | 'palette' | 'channels'>;

/** The palette of each path is read once, as workers load thousands of samples. */
const palettes = new Map<string, Promise<Palette>>();

function paletteAt(path: string): Promise<Palette> | null {
  if (path === '') return null;
  const known = palettes.get(path) ?? readPalette(path);
  palettes.set(path, known);
  return known;
}

/** Throws a UserError if a file is missing, or is not the one that was scanned. */
export async function loadSample(data: LoadConfig, sample: Sample, target: Size): Promise<LoadedSample> {
  const [pixels, labels] = await Promise.all([
    loadPixels(data, sample, target),
    loadLabels(data, sample, target),
  ]);
  return { width: target.width, height: target.height, channels: data.channels, pixels, labels };
}

async function loadPixels(data: LoadConfig, sample: Sample, target: Size): Promise<Uint8Array> {
  const path = join(data.images, sample.photo);
  const photo = await decodePhoto(path, await readScanned(path, sample.photoSha256), data.channels);
  return resizePhoto(photo, target);
}

async function loadLabels(data: LoadConfig, sample: Sample, target: Size): Promise<Uint8Array | Uint16Array> {
  const path = join(data.masks, sample.mask);
  const bytes = await readScanned(path, sample.maskSha256);
  const mask = await readMask(path, bytes, {
    matVariable: data.matVariable,
    palette: await paletteAt(data.palette),
  });
  // Same bytes, other options: only another palette or variable than at the scan can do this.
  if (mask.width !== sample.width || mask.height !== sample.height || mask.strange.length > 0) {
    throw new FileError(
      path,
      'its values are not those of the scan; the palette file or --mat-variable has changed',
    );
  }
  return resizeLabels(mask.labels, mask, target);
}

async function readScanned(path: string, sha256: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new UserError(
      `Cannot read ${path} (${error.message}): this machine needs the same data as the run.`,
    );
  });
  if (sha256Of(bytes) !== sha256) {
    throw new UserError(
      `${path} is not the file that the run was created with: restore it, or start a new run with the changed data.`,
    );
  }
  return bytes;
}
