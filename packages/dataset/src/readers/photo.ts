/** Photos through sharp: jpg, png, webp and tiff, upright by their EXIF orientation, as 1, 3 or 4 bytes per pixel. */
import sharp, { type Sharp } from 'sharp';
import { checkPixels, maxPixelsOf, type PixelLimit } from '../limits.ts';
import { inFile } from './file-error.ts';

export const photoExtensions = ['.jpg', '.jpeg', '.png', '.webp', '.tif', '.tiff'];

/** pixels: HWC, 0..255. */
export interface Photo {
  width: number;
  height: number;
  channels: 1 | 3 | 4;
  pixels: Uint8Array;
}

const ascii = (bytes: Uint8Array, begin: number, end: number): string =>
  Buffer.from(bytes.subarray(begin, end)).toString('latin1');

/**
 * Throws a plain sentence unless the bytes begin as one of the formats that are read. sharp would take others whatever
 * the name says, among them SVG, whose drawings can take hours.
 */
function checkPictureKind(bytes: Uint8Array): void {
  const start = ascii(bytes, 0, 4);
  const isWebp = start === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP';
  const isPng = ascii(bytes, 0, 8) === '\x89PNG\r\n\x1a\n';
  const isTiff = ['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(start);
  if (!start.startsWith('\xff\xd8\xff') && !isPng && !isWebp && !isTiff) {
    throw new Error('it is no picture of the formats jpg, png, webp or tiff, or damaged at its start');
  }
}

/** Throws a plain sentence for what is no picture of the formats that are read, or a larger one than is read. */
export async function checkPicture(bytes: Uint8Array, limit: PixelLimit): Promise<void> {
  checkPictureKind(bytes);
  // The size alone, which a header says; the library's own refusal names no number.
  const { width, height } = await sharp(bytes, { failOn: 'error', limitInputPixels: false }).metadata();
  checkPixels(width, height, limit, bytes.length);
}

async function open(bytes: Uint8Array, limit: PixelLimit): Promise<Sharp> {
  await checkPicture(bytes, limit);
  // 'error' refuses damaged and truncated files but not the harmless warnings that old cameras earn.
  const limitInputPixels = maxPixelsOf(bytes.length, limit);
  return sharp(bytes, { failOn: 'error', limitInputPixels }).autoOrient();
}

export interface PhotoOptions extends PixelLimit {
  /** 1 is luminance, 3 is sRGB without alpha, 4 has alpha (opaque if the file has none). */
  channels: 1 | 3 | 4;
}

/** Throws a FileError for what is no whole picture of at most `maxPixels`. */
export function decodePhoto(
  path: string,
  bytes: Uint8Array,
  { channels, ...limit }: PhotoOptions,
): Promise<Photo> {
  return inFile(path, async () => {
    const image = await open(bytes, limit);
    if (channels === 1) image.removeAlpha().greyscale();
    if (channels === 3) image.toColourspace('srgb').removeAlpha();
    if (channels === 4) image.toColourspace('srgb').ensureAlpha();
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    if (info.channels !== channels)
      throw new Error(`it has ${info.channels} channels where ${channels} are needed`);
    return { width: info.width, height: info.height, channels, pixels: data };
  });
}

/** Decodes the whole photo, to know that it can be; the size is that after EXIF orientation. */
export function checkPhoto(
  path: string,
  bytes: Uint8Array,
  limit: PixelLimit,
): Promise<{ width: number; height: number }> {
  return inFile(path, async () => {
    const image = await open(bytes, limit);
    const { info } = await image.raw().toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height };
  });
}
