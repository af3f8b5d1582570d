/** Class names from a text list (one per line), a JSON list, or the cell array in a .mat file such as label_list.mat. */
import { isPrintable } from '@unet-fleet/shared';
import { MAX_LIST_BYTES } from '../limits.ts';
import { extensionOf } from './containers.ts';
import { FileError, inFile } from './file-error.ts';
import { readList } from './list-file.ts';
import { readMatNames } from './mat.ts';
import { NO_LABEL } from './raster.ts';

/** Longer than any name that fits into a table or a legend. */
const MAX_NAME_LENGTH = 200;

/** The name of class i is at index i. Throws a UserError that names the file. */
export async function readClassNames(path: string): Promise<string[]> {
  const bytes = readList(path, MAX_LIST_BYTES, 'list of class names', '--class-names');
  const names = await inFile(path, () => {
    if (extensionOf(path) === '.mat') return readMatNames(path, bytes);
    const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
    return extensionOf(path) === '.json' ? parseJson(text) : parseLines(text);
  });
  if (names.length < 2)
    throw new FileError(path, `it names ${names.length} classes, and at least 2 are needed`);
  if (names.length > NO_LABEL) {
    throw new FileError(path, `it names ${names.length} classes, and at most ${NO_LABEL} are read`);
  }
  await inFile(path, () => {
    for (const [i, name] of names.entries()) checkName(name, `name ${i + 1}`);
  });
  return names;
}

/** Throws a plain sentence for a name that could not be shown in tables and pictures. */
export function checkName(name: string, where: string): void {
  if (!isPrintable(name))
    throw new Error(`${where} has a line break or control character in the name: ${name}`);
  if (name.length > MAX_NAME_LENGTH) {
    throw new Error(`${where} has a name of ${name.length} characters, more than ${MAX_NAME_LENGTH}`);
  }
}

function parseLines(text: string): string[] {
  if (text.includes('\0')) throw new Error('it is no text; write one class name per line');
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function parseJson(text: string): string[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list) || !list.every((name) => typeof name === 'string')) {
    throw new Error('its JSON is no list of strings such as ["background", "car"]');
  }
  return list;
}
