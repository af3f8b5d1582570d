/** Small data sets on disk for the tests, each in a folder of its own that goes with the test. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DataConfig } from '@unet-fleet/law';
import { encode } from 'fast-png';
import sharp from 'sharp';
import { madeFolder } from '../../../test/helpers/made-folders.ts';

/** A folder with the given files, by relative path. */
export function folderWith(files: Record<string, Uint8Array | string>): string {
  const folder = madeFolder('unet-fleet-data-');
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

export const fixture = (path: string): string => join(import.meta.dirname, '..', 'fixtures', path);

/** A grey 8-bit index mask with value(x, y) at each pixel. */
export function pngMask(width: number, height: number, value: (x: number, y: number) => number): Uint8Array {
  const data = Uint8Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width)));
  return encode({ width, height, data, channels: 1, depth: 8 });
}

/** An 8-bit PNG of colours. */
export function rgbMask(width: number, height: number, color: (x: number) => number[]): Uint8Array {
  const data = Uint8Array.from(Array.from({ length: width * height }, (_, i) => color(i % width)).flat());
  return encode({ width, height, data, channels: 3, depth: 8 });
}

/** An 8-bit PNG of indices into `palette` (red, green, blue for each). */
export function paletteMask(
  width: number,
  height: number,
  index: (x: number) => number,
  palette: number[],
): Uint8Array {
  const data = Uint8Array.from({ length: width * height }, (_, i) => index(i % width));
  const colours = Array.from({ length: palette.length / 3 }, (_, i) => palette.slice(3 * i, 3 * i + 3));
  return encode({
    width,
    height,
    data,
    channels: 1,
    depth: 8,
    palette: colours as [number, number, number][],
  });
}

/** A .npy array of one byte a value, C order. */
export function npyMask(
  descr: string,
  width: number,
  height: number,
  value: (x: number, y: number) => number,
): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${height}, ${width}), }\n`;
  const start = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  start.writeUInt16LE(header.length, 8);
  const data = Uint8Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width)));
  return Buffer.concat([start, Buffer.from(header), data]);
}

/** A photo in one colour. */
export function photo(
  width: number,
  height: number,
  format: 'jpeg' | 'png' | 'webp' | 'tiff' = 'jpeg',
  seed = 90,
): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: { r: seed, g: 120, b: 60 } } })
    .toFormat(format)
    .toBuffer();
}

export function dataConfig(options: Partial<DataConfig>): DataConfig {
  return {
    images: '',
    masks: '',
    pack: '',
    packToken: '',
    imageSuffix: '',
    maskSuffix: '',
    matVariable: 'groundtruth',
    palette: '',
    classNames: '',
    numClasses: 0,
    maskValues: 'auto',
    maskThreshold: 0,
    size: '',
    scale: 1,
    channels: 3,
    valueRange: 'auto',
    orientation: 'auto',
    ignoreIndex: -1,
    unpaired: 'warn',
    wrongMasks: 'stop',
    followLinks: false,
    maxPixels: 2 ** 27,
    split: 'auto',
    trainList: '',
    valList: '',
    validationShare: 0.1,
    ...options,
  };
}
