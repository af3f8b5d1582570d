/** The size at which photos and masks are trained; apart from what brings them to it, which loads a decoder. */
import { parseSize } from '@unet-fleet/config';
import { type DataConfig, type SideLimits, sizeProblem, UserError } from '@unet-fleet/law';
import type { Size } from './types.ts';

/** Pixels of one image at training size: far more than any machine computes a U-Net on. */
const MAX_TRAINING_PIXELS = 2 ** 27;

const anySide: SideLimits = { smallest: 1, multiple: 1 };

/**
 * Size at which a photo of `original` size is trained: --size, or --scale of its own. Throws a UserError where it has no
 * pixel, or is beyond the limits of a model.
 */
export function trainingSizeOf(
  { size, scale }: Pick<DataConfig, 'size' | 'scale'>,
  original: Size,
  limits: SideLimits = anySide,
): Size {
  const given = parseSize(size);
  if (given !== null) return checkedSize(given, `--size ${size}`, limits);
  if (!(scale > 0)) throw new UserError(`--scale ${scale} leaves no pixels: set it above 0.`);
  const target = { width: Math.round(original.width * scale), height: Math.round(original.height * scale) };
  return checkedSize(target, `--scale ${scale} of ${original.width}x${original.height}`, limits);
}

function checkedSize(size: Size, source: string, limits: SideLimits): Size {
  const problem = sizeProblem(size, limits);
  if (problem) throw new UserError(`${source} gives ${size.width}x${size.height} pixels, which ${problem}`);
  if (size.width * size.height > MAX_TRAINING_PIXELS) {
    throw new UserError(
      `${source} gives ${size.width}x${size.height} pixels, which is too many: choose a smaller one.`,
    );
  }
  return size;
}
