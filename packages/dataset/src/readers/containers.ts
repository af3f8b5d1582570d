/**
 * The registry of file formats, for photos and masks alike. What a file is comes from its first bytes, never from its name:
 * libraries would take drawings and documents for pictures, which can take hours. A new format is a reader from bytes to a Picture and a line here.
 */
import type { PixelLimit } from '../limits.ts';
import { readBmp } from './bmp.ts';
import { FileError, inFile } from './file-error.ts';
import { readGif } from './gif.ts';
import { readMatPicture } from './mat.ts';
import { isMat5 } from './mat5.ts';
import { isHdf5 } from './mat73.ts';
import { readNpy } from './npy.ts';
import type { ContainerName, Picture } from './picture.ts';
import { readPng } from './png.ts';
import { readWithSharp } from './sharp-picture.ts';
import { readTiff } from './tiff.ts';
import { numTiffPages } from './tiff-layout.ts';

export interface ReadOptions extends PixelLimit {
  /** Of the pages that are pictures of their own, from 0. */
  page: number;
  /** Name of the variable in a .mat file. */
  matVariable: string;
  /** Where the file lies, for a library that opens it by itself. */
  path: string;
}

export interface Container {
  name: ContainerName;
  /** As a message calls such a file. */
  title: string;
  /** Lower case, with the dot. */
  extensions: readonly string[];
  matches(bytes: Uint8Array): boolean;
  /** Pages that are pictures of their own; 1 where the format has none. */
  numPages?(bytes: Uint8Array): number;
  /** Throws plain sentences about the file's content. */
  read(bytes: Uint8Array, options: ReadOptions): Picture | Promise<Picture>;
}

const startsWith = (bytes: Uint8Array, text: string, at = 0): boolean =>
  Buffer.from(
    bytes.buffer,
    bytes.byteOffset + Math.min(at, bytes.length),
    Math.min(text.length, Math.max(0, bytes.length - at)),
  ).equals(Buffer.from(text, 'latin1'));

export const containers: readonly Container[] = [
  {
    name: 'jpeg',
    title: 'JPEG file',
    extensions: ['.jpg', '.jpeg', '.jpe', '.jfif'],
    matches: (bytes) => startsWith(bytes, '\xff\xd8\xff'),
    read: (bytes, limit) => readWithSharp(bytes, 'jpeg', limit),
  },
  {
    name: 'png',
    title: 'PNG file',
    extensions: ['.png'],
    matches: (bytes) => startsWith(bytes, '\x89PNG\r\n\x1a\n'),
    read: (bytes, limit) => readPng(bytes, limit),
  },
  {
    name: 'tiff',
    title: 'TIFF file',
    extensions: ['.tif', '.tiff'],
    matches: (bytes) => ['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].some((start) => startsWith(bytes, start)),
    numPages: numTiffPages,
    read: (bytes, { page, ...limit }) => readTiff(bytes, page, limit),
  },
  {
    name: 'webp',
    title: 'WebP file',
    extensions: ['.webp'],
    matches: (bytes) => startsWith(bytes, 'RIFF') && startsWith(bytes, 'WEBP', 8),
    read: (bytes, limit) => readWithSharp(bytes, 'webp', limit),
  },
  {
    name: 'gif',
    title: 'GIF file',
    extensions: ['.gif'],
    matches: (bytes) => startsWith(bytes, 'GIF87a') || startsWith(bytes, 'GIF89a'),
    read: (bytes, limit) => readGif(bytes, limit),
  },
  {
    name: 'bmp',
    title: 'BMP file',
    extensions: ['.bmp', '.dib'],
    matches: (bytes) => startsWith(bytes, 'BM'),
    read: (bytes, limit) => readBmp(bytes, limit),
  },
  {
    name: 'npy',
    title: '.npy file',
    extensions: ['.npy'],
    matches: (bytes) => startsWith(bytes, '\x93NUMPY'),
    read: (bytes, limit) => readNpy(bytes, limit),
  },
  {
    name: 'mat',
    title: 'MATLAB file of level 5 or 7.3',
    extensions: ['.mat'],
    matches: (bytes) => isMat5(bytes) || isHdf5(bytes),
    read: (bytes, { path, matVariable, ...limit }) => readMatPicture(path, bytes, matVariable, limit),
  },
];

export const readExtensions: readonly string[] = containers.flatMap(({ extensions }) => extensions);

/** Extension of a path, lower case, with the dot; '' if it has none. */
export function extensionOf(path: string): string {
  return /\.[^./\\]+$/.exec(path)?.[0].toLowerCase() ?? '';
}

/** The container of a file by its content; throws a plain sentence where that is none, by what its name says it is. */
export function containerOf(path: string, bytes: Uint8Array): Container {
  const found = containers.find(({ matches }) => matches(bytes));
  if (found !== undefined) return found;
  const extension = extensionOf(path);
  const named = containers.find(({ extensions }) => extensions.includes(extension));
  if (named !== undefined) throw new Error(`it is no ${named.title}, or damaged at its start`);
  const formats = readExtensions.join(', ');
  if (extension === '') throw new Error(`it is no picture of the formats that are read (${formats})`);
  throw new Error(`files are ${formats}, not ${extension}`);
}

/** Pages of the file that are samples of their own. Throws a FileError. */
export function numPagesOf(path: string, bytes: Uint8Array): Promise<number> {
  return inFile(path, () => containerOf(path, bytes).numPages?.(bytes) ?? 1);
}

/** Reads one picture of a file. Throws a FileError that names it. */
export function readPicture(
  path: string,
  bytes: Uint8Array,
  options: Omit<ReadOptions, 'path'>,
): Promise<Picture> {
  return inFile(path, async () => {
    const picture = await containerOf(path, bytes).read(bytes, { ...options, path });
    if (options.page >= picture.numPages) {
      throw new FileError(path, `it has ${picture.numPages} pages, and page ${options.page} is asked for`);
    }
    return picture;
  });
}
