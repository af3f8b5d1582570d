/** JPEG and WebP as pictures, through sharp: bytes as they decode, not turned and with no colour profile applied. */
import sharp from 'sharp';
import { checkPixels, type PixelLimit } from '../limits.ts';
import { checkedOrientation } from './exif.ts';
import { plainPicture, type StoredPicture } from './picture.ts';

/** Throws a plain sentence for damaged and truncated files, and for animations. */
export async function readWithSharp(
  bytes: Uint8Array,
  isLossy: boolean,
  limit: PixelLimit,
): Promise<StoredPicture> {
  const options = { failOn: 'error', limitInputPixels: false, ignoreIcc: true } as const;
  const {
    width,
    height,
    channels = 0,
    space,
    pages = 1,
    orientation = 1,
    hasAlpha = false,
  } = await sharp(bytes, options).metadata();
  checkPixels(width, height, limit, bytes.length);
  checkStill(pages);
  const isGrey = space === 'b-w';
  const image = sharp(bytes, options).toColourspace(isGrey ? 'b-w' : 'srgb');
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const isCmyk = space === 'cmyk';
  return {
    ...plainPicture,
    width: info.width,
    height: info.height,
    channels: info.channels,
    values: data,
    kind: 'u1',
    bits: 8,
    meaning: isGrey ? 'grey' : 'rgb',
    numExtra: info.channels - (isGrey ? 1 : 3),
    hasAlpha: hasAlpha && !isCmyk && channels > 0,
    orientation: checkedOrientation(orientation),
    isLossy,
  };
}

/** Throws a plain sentence for files of several frames: which of them is meant, the file cannot say. */
export function checkStill(numFrames: number): void {
  if (numFrames > 1) {
    throw new Error(
      `it is an animation of ${numFrames} pictures; save the one that is meant, or each as a file of its own`,
    );
  }
}
