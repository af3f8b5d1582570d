/**
 * The palette file: which colour of a mask stands for which class. Text, one colour per line as "#rrggbb name" or
 * "r g b name", classes numbered by line; a table or label map with colours (class-table.ts); or JSON, a list of
 * {"color": "#rrggbb", "name": "...", "class": n}.
 */
import { createHash } from 'node:crypto';
import { MAX_LIST_BYTES } from '../limits.ts';
import { checkName } from './class-names.ts';
import { readClassTable } from './class-table.ts';
import { extensionOf } from './containers.ts';
import { FileError, inFile } from './file-error.ts';
import { readList } from './list-file.ts';
import { NO_LABEL } from './raster.ts';

export interface PaletteEntry {
  /** 0xrrggbb */
  color: number;
  classIndex: number;
  /** '' if the file gives none. */
  name: string;
}

export interface Palette {
  entries: PaletteEntry[];
  /** Of the file's bytes: another palette makes other data of the same masks. */
  sha256: string;
}

/** Reads a palette file. Throws a UserError that names the file and the line. */
export async function readPalette(path: string): Promise<Palette> {
  const bytes = readList(path, MAX_LIST_BYTES, 'palette file', '--palette');
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  const entries = await inFile(path, () =>
    /^\s*[[{]/.test(text) ? parseJson(text) : (parseTable(text, extensionOf(path)) ?? parseText(text)),
  );
  if (entries.length > NO_LABEL) throw new FileError(path, `it has more than ${NO_LABEL} colours`);
  if (entries.length === 0) throw new FileError(path, 'it has no colours; write lines such as "#ff0000 car"');
  const seen = new Set<number>();
  for (const { color } of entries) {
    if (seen.has(color)) throw new FileError(path, `the colour ${colorName(color)} stands in it twice`);
    seen.add(color);
  }
  return { entries, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** "#rrggbb" */
export function colorName(color: number): string {
  return `#${color.toString(16).padStart(6, '0')}`;
}

/** A table with colours (class_dict.csv), or CVAT's label map; null for anything else. */
function parseTable(text: string, extension: string): PaletteEntry[] | null {
  if (plainLine.test(text.trimStart())) return null;
  const table = readClassTable(text, extension);
  if (table === null || table.every(({ color }) => color === null)) {
    if (table === null) return null;
    throw new Error('it has names and no colours; it is a list for --class-names');
  }
  return table.map(({ name, value, color }, i) => {
    if (color === null) throw new Error(`${name} has no colour`);
    if (value !== null && !(value >= 0 && value < NO_LABEL))
      throw new Error(`${name} has the class ${value}, which is no index`);
    checkName(name, `class ${i}`);
    return { color, classIndex: value ?? i, name };
  });
}

/** "#ff0000 car" or "255 0 0 car" at its beginning: a palette file of our own. */
const plainLine = /^(?:#[0-9a-f]{6}\b|\/\/|\d{1,3}[\s,]+\d{1,3}[\s,]+\d{1,3}\b)/i;

function parseText(text: string): PaletteEntry[] {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim());
  const entries: PaletteEntry[] = [];
  for (const [i, line] of lines.entries()) {
    if (line === '' || line.startsWith('//')) continue;
    const hex = /^#([0-9a-f]{6})(?:\s+(.*))?$/is.exec(line);
    const numbers = /^(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})(?:[\s,]+(.*))?$/s.exec(line);
    // Longer lines are no colours, and the pattern would take its time with them.
    const short = line.length <= 1_000 ? line : '';
    const behind = /^(.*?[^\d\s,])[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]*$/s.exec(short);
    const color = hex
      ? Number.parseInt(hex[1] as string, 16)
      : numbers
        ? colorFrom(numbers.slice(1, 4))
        : behind
          ? colorFrom(behind.slice(2, 5))
          : null;
    if (color === null)
      throw new Error(`line ${i + 1} is "${line}", no colour such as "#ff0000 car" or "255 0 0 car"`);
    const name = ((hex ? hex[2] : numbers ? numbers[4] : behind?.[1]) ?? '').trim();
    checkName(name, `line ${i + 1}`);
    entries.push({ color, classIndex: entries.length, name });
  }
  return entries;
}

function colorFrom(parts: readonly (string | number)[]): number | null {
  const [r = -1, g = -1, b = -1] = parts.map(Number);
  const isByte = (value: number) => Number.isInteger(value) && value >= 0 && value <= 255;
  return isByte(r) && isByte(g) && isByte(b) ? (r << 16) | (g << 8) | b : null;
}

function parseJson(text: string): PaletteEntry[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new Error('its JSON is no list of {"color": "#rrggbb", "name": "..."}');
  return list.map((item: unknown, i) => {
    const { color, name = '', class: classIndex = i } = (item ?? {}) as Record<string, unknown>;
    const value = colorOf(color);
    if (value === null) throw new Error(`entry ${i} has no color such as "#ff0000" or [255, 0, 0]`);
    if (
      typeof classIndex !== 'number' ||
      !Number.isInteger(classIndex) ||
      classIndex < 0 ||
      classIndex >= NO_LABEL
    ) {
      const shown = typeof classIndex === 'object' ? 'that is a list or an object' : String(classIndex);
      throw new Error(`entry ${i} has the class ${shown}, which is no index`);
    }
    if (typeof name !== 'string') throw new Error(`entry ${i} has a name that is no text`);
    checkName(name, `entry ${i}`);
    return { color: value, classIndex, name };
  });
}

/** "#rrggbb" or [r, g, b]; null for anything else. */
function colorOf(color: unknown): number | null {
  if (Array.isArray(color)) return color.every((part) => typeof part === 'number') ? colorFrom(color) : null;
  return typeof color === 'string' && /^#[0-9a-f]{6}$/i.test(color)
    ? Number.parseInt(color.slice(1), 16)
    : null;
}

/** The names by class, where the palette has one for every class from 0 on but the ignored ones; else null. */
export function paletteNames(palette: Palette, ignored: readonly number[]): string[] | null {
  const names: string[] = [];
  for (const { classIndex, name } of palette.entries) {
    if (name !== '' && !ignored.includes(classIndex)) names[classIndex] ??= name;
  }
  const isComplete = names.length > 0 && Array.from(names).every((name) => name !== undefined);
  return isComplete ? names : null;
}
