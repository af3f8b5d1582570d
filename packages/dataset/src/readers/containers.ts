/**
 * The registry of file formats, for photos and masks alike. What a file is comes from its first bytes, never from its name:
 * libraries would take drawings and documents for pictures, which can take hours. A new format is a file with its reader
 * and its entry (container.ts), and a line here.
 */
import { bmp } from './bmp.ts';
import type { Container, ReadOptions } from './container.ts';
import { FileError, inFile } from './file-error.ts';
import { gif } from './gif.ts';
import { jpeg } from './jpeg.ts';
import { mat } from './mat.ts';
import { npy } from './npy.ts';
import type { Picture } from './picture.ts';
import { png } from './png.ts';
import { tiff } from './tiff.ts';
import { webp } from './webp.ts';

export const containers: readonly Container[] = [jpeg, png, tiff, webp, gif, bmp, npy, mat];

/** The one of a picture. */
export const containerNamed = (name: string): Container =>
  containers.find((container) => container.name === name)!;

const readExtensions: readonly string[] = containers.flatMap(({ extensions }) => extensions);

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
    const container = containerOf(path, bytes);
    const picture = await container.read(bytes, { ...options, path });
    if (options.page >= picture.numPages) {
      throw new FileError(path, `it has ${picture.numPages} pages, and page ${options.page} is asked for`);
    }
    return { ...picture, container: container.name };
  });
}
