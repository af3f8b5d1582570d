/** Class names: a text list (one per line), a table or label map (class-table.ts), a JSON list, or a .mat cell array such as label_list.mat. */
import { isPrintable } from '@unet-fleet/law';
import { MAX_LIST_BYTES } from '../limits.ts';
import { isHeading, type ListedClass, readClassTable, unquoted } from './class-table.ts';
import { extensionOf } from './containers.ts';
import { FileError, inFile } from './file-error.ts';
import { readList } from './list-file.ts';
import { readMatNames } from './mat.ts';
import { NO_LABEL } from './raster.ts';

/** Longer than any name that fits into a table or a legend. */
const MAX_NAME_LENGTH = 200;

export interface ClassNames {
  /** In the order of the classes. */
  names: string[];
  /** The masks' value of each, where the list says so and it is not the class itself; else null. */
  values: number[] | null;
}

/** Reads the names alone. Throws a UserError that names the file. */
export const readClassNames = async (path: string): Promise<string[]> => (await readClassList(path)).names;

/** Reads names, and values where they stand with them. Throws a UserError that names the file. */
export async function readClassList(path: string): Promise<ClassNames> {
  const bytes = readList(path, MAX_LIST_BYTES, 'list of class names', '--class-names');
  const list = await inFile(path, async () => {
    const extension = extensionOf(path);
    if (extension === '.mat') return { names: await readMatNames(path, bytes), values: null };
    if (extension === '.yaml' || extension === '.yml') {
      throw new Error('YAML is not read; write the names into a text file, one per line');
    }
    const text = textOf(bytes);
    return extension === '.json' ? { names: parseJson(text), values: null } : parseText(text, extension);
  });
  const { names } = list;
  if (names.length < 2) {
    throw new FileError(path, `it names ${names.length} classes, and at least 2 are needed, one per line`);
  }
  if (names.length > NO_LABEL) {
    throw new FileError(path, `it names ${names.length} classes, and at most ${NO_LABEL} are read`);
  }
  await inFile(path, () => {
    for (const [i, name] of names.entries()) checkName(name, `name ${i + 1}`);
  });
  return list;
}

/** UTF-8 or UTF-16 by its first bytes. */
function textOf(bytes: Buffer): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf16le' : 'utf8';
  return bytes.toString(encoding).replace(/^\uFEFF/, '');
}

/** Throws a plain sentence for a name that could not be shown in tables and pictures. */
export function checkName(name: string, where: string): void {
  if (!isPrintable(name))
    throw new Error(`${where} has a line break or control character in the name: ${name}`);
  if (name.length > MAX_NAME_LENGTH) {
    throw new Error(`${where} has a name of ${name.length} characters, more than ${MAX_NAME_LENGTH}`);
  }
}

function parseText(text: string, extension: string): ClassNames {
  if (text.includes('\0')) throw new Error('it is no text; write one class name per line');
  const colours = paletteLines(text);
  if (colours !== null) return { names: colours, values: null };
  const table = readClassTable(text, extension);
  return table === null ? { names: plainNames(text), values: null } : inOrder(table);
}

function plainNames(text: string): string[] {
  const [first = '', ...rest] = text
    .split(/\r\n|\r|\n/)
    .map(unquoted)
    .filter((line) => line !== '');
  // LabelMe's lists begin with what its masks have as -1.
  if (first === '__ignore__') return rest;
  if (isHeading(first)) {
    throw new Error(
      `its first line is "${first}": if that is a heading, leave it out; if it is a class, name it otherwise`,
    );
  }
  return first === '' ? [] : [first, ...rest];
}

/** By value, where one stands with each name. */
function inOrder(table: readonly ListedClass[]): ClassNames {
  const unnamed = table.findIndex(({ name }) => name === '');
  if (unnamed >= 0) throw new Error(`class ${unnamed + 1} has no name`);
  if (table.some(({ value }) => value === null))
    return { names: table.map(({ name }) => name), values: null };
  const sorted = [...table].sort((a, b) => (a.value as number) - (b.value as number));
  const values = sorted.map(({ value }) => value as number);
  const twice = values.find((value, i) => value === values[i + 1]);
  if (twice !== undefined) throw new Error(`the value ${twice} stands in it twice`);
  return {
    names: sorted.map(({ name }) => name),
    values: values.every((value, i) => value === i) ? null : values,
  };
}

/** The names in a palette file; null for a list without colours. */
function paletteLines(text: string): string[] | null {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== '');
  const matches = lines.map((line) =>
    /^\s*(?:#[0-9a-f]{6}\b|\d{1,3}[\s,]+\d{1,3}[\s,]+\d{1,3}(?![\d.]))[\s,]*(.*)$/i.exec(line),
  );
  if (lines.length < 2 || matches.some((match) => match === null)) return null;
  const names = matches.map((match) => (match?.[1] ?? '').trim());
  if (names.some((name) => name === ''))
    throw new Error('it has colours without names; name it with --palette');
  return names;
}

function parseJson(text: string): string[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list) || !list.every((name) => typeof name === 'string')) {
    throw new Error('its JSON is no list of strings such as ["background", "car"]');
  }
  return list;
}
