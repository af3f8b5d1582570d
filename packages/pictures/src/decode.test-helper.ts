/** Reads pictures back in the tests. */
import sharp from 'sharp';
import type { RgbImage } from './canvas.ts';

export async function decode(png: Uint8Array): Promise<RgbImage> {
  const { data, info } = await sharp(png)
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, pixels: data };
}

export const pixelAt = ({ width, pixels }: RgbImage, x: number, y: number): number[] =>
  Array.from(pixels.subarray((y * width + x) * 3, (y * width + x) * 3 + 3));

/** Pixels of a region that are clearly not paper. */
export function darkPixels(
  image: RgbImage,
  left: number,
  top: number,
  right: number,
  bottom: number,
): number {
  let count = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      if (pixelAt(image, x, y).every((value) => value < 128)) count++;
    }
  }
  return count;
}
