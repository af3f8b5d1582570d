/**
 * The registry of mask formats: the one place that knows them. A new format is a function from bytes to a RawMask and
 * a line in `maskReaders`; pairing, scanning and loading need no change.
 */

import { readColourMask } from './colour-mask.ts';
import { FileError, inFile } from './file-error.ts';
import { readMatMask } from './mat.ts';
import { readNpy } from './npy.ts';
import type { Palette } from './palette.ts';
import { readPngMask } from './png-mask.ts';
import type { RawMask } from './raster.ts';
import { readTiffMask } from './tiff-mask.ts';

export interface MaskOptions {
  /** Name of the variable in a .mat file. */
  matVariable: string;
  /** Turns colours into classes; null for index masks. */
  palette: Palette | null;
}

interface MaskReader {
  /** Lower case, with the dot. */
  extensions: string[];
  /** Throws plain sentences about the file's content; `path` is only for libraries that open files themselves. */
  read(bytes: Uint8Array, options: MaskOptions, path: string): RawMask | Promise<RawMask>;
}

const maskReaders: MaskReader[] = [
  {
    extensions: ['.png'],
    read: (bytes, { palette }) => (palette === null ? readPngMask(bytes) : readColourMask(bytes, palette)),
  },
  {
    extensions: ['.tif', '.tiff'],
    read: (bytes, { palette }) => (palette === null ? readTiffMask(bytes) : readColourMask(bytes, palette)),
  },
  { extensions: ['.npy'], read: (bytes) => readNpy(bytes) },
  { extensions: ['.mat'], read: (bytes, { matVariable }, path) => readMatMask(path, bytes, matVariable) },
];

export const maskExtensions = maskReaders.flatMap(({ extensions }) => extensions);

/** Extension of a path, lower case, with the dot; '' if it has none. */
export function extensionOf(path: string): string {
  return /\.[^./\\]+$/.exec(path)?.[0].toLowerCase() ?? '';
}

/** Reads a mask by the format that its name says. Throws a FileError that names the file. */
export async function readMask(path: string, bytes: Uint8Array, options: MaskOptions): Promise<RawMask> {
  const reader = maskReaders.find(({ extensions }) => extensions.includes(extensionOf(path)));
  if (reader === undefined) {
    throw new FileError(path, `masks are ${maskExtensions.join(', ')}, not ${extensionOf(path)}`);
  }
  return inFile(path, () => reader.read(bytes, options, path));
}
