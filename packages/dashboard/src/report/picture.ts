/**
 * Pictures within the page, as data: URIs. WebP, because every browser since 2020 shows it and masks are lossless in it at
 * a third of PNG's size. What this keeps true: none is larger than a reader can use, so that the file can be sent.
 */
import { fittedSize, type LabelMap, type RgbImage, resizeLabelMap, resizeRgb } from '@unet-fleet/pictures';
import sharp, { type WebpOptions } from 'sharp';
import type { Picture } from './report.ts';

const photoQuality = 82;

/** Of a class or a mask: every colour stays as it is. */
export const exactPicture = (image: RgbImage): Promise<Picture> => picture(image, true, { lossless: true });

/** Of a photo, or what is drawn over one. */
export const photoPicture = (image: RgbImage): Promise<Picture> =>
  picture(image, false, { quality: photoQuality, smartSubsample: true });

async function picture(
  { pixels, width, height }: RgbImage,
  isExact: boolean,
  options: WebpOptions,
): Promise<Picture> {
  const bytes = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .webp(options)
    .toBuffer();
  return { source: `data:image/webp;base64,${bytes.toString('base64')}`, width, height, isExact };
}

/** A class map at most so large; classes are never mixed. */
export function smaller(map: LabelMap, maxSide: number): LabelMap {
  const { width, height } = fittedSize(map, maxSide);
  return resizeLabelMap(map, width, height);
}

/** An encoded photo as pixels, at most so large. */
export async function decoded(bytes: Uint8Array, maxSide: number): Promise<RgbImage> {
  const { data, info } = await sharp(bytes)
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = fittedSize(info, maxSide);
  return resizeRgb({ pixels: data, width: info.width, height: info.height }, width, height);
}
