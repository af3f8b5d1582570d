/** Class names from a text list (one per line), a JSON list, or the cell array in a .mat file such as label_list.mat. */
import { readFile } from 'node:fs/promises';
import { UserError } from '@unet-fleet/shared';
import { FileError, inFile } from './file-error.ts';
import { extensionOf } from './index.ts';
import { readMatNames } from './mat.ts';

/** The name of class i is at index i. Throws a UserError that names the file. */
export async function readClassNames(path: string): Promise<string[]> {
  const bytes = await readFile(path).catch(() => {
    throw new UserError(`There is no list of class names ${path}: check --class-names.`);
  });
  const names = await inFile(path, () => {
    if (extensionOf(path) === '.mat') return readMatNames(path, bytes);
    const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
    return extensionOf(path) === '.json' ? parseJson(text) : parseLines(text);
  });
  if (names.length < 2)
    throw new FileError(path, `it names ${names.length} classes, and at least 2 are needed`);
  return names;
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
