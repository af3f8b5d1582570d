/** JPEG and WebP as pictures, through sharp: bytes as they decode, not turned and with no colour profile applied. */
import sharp from 'sharp';
import { checkPixels, type PixelLimit } from '../limits.ts';
import { checkedOrientation } from './exif.ts';
import { type Picture, plainPicture } from './picture.ts';

/** Throws a plain sentence for damaged and truncated files, and for animations. */
export async function readWithSharp(
  bytes: Uint8Array,
  container: 'jpeg' | 'webp',
  limit: PixelLimit,
): Promise<Picture> {
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
    container,
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
    // A lossless WebP says so only in its chunks.
    isLossy: container === 'jpeg' || !isLosslessWebp(bytes),
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

/** The first chunk of pixels is VP8L where nothing was lost. */
export function isLosslessWebp(bytes: Uint8Array): boolean {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 12; at + 8 <= file.length; ) {
    const type = file.toString('latin1', at, at + 4);
    if (type === 'VP8L') return true;
    if (type === 'VP8 ') return false;
    const length = file.readUInt32LE(at + 4);
    at += 8 + length + (length & 1);
  }
  return false;
}
