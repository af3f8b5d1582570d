/**
 * Lists of classes with columns, as annotation tools and data sets come with them: CSV with a heading (_classes.csv of
 * Roboflow, class_dict.csv) or without, CVAT's labelmap.txt, and lines with a number before or behind the name. What a
 * column is comes from its heading or from what stands in it; where neither says it the list is refused, as names that
 * are one class off are worse than none.
 */

export interface ListedClass {
  /** '' where the list gives none. */
  name: string;
  /** The value or index that stands with it; null without such a column. */
  value: number | null;
  /** 0xrrggbb; null without such columns. */
  color: number | null;
}

type Role = 'name' | 'value' | 'red' | 'green' | 'blue' | 'color' | 'other';

const MAX_COLUMNS = 64;
/** Longer ones are no list, and patterns would take their time with them. */
const MAX_LINE_LENGTH = 1_000;

const headings: Record<Exclude<Role, 'other'>, string[]> = {
  name: [
    'name',
    'names',
    'class',
    'classes',
    'classname',
    'label',
    'labels',
    'labelname',
    'category',
    'categoryname',
  ],
  value: [
    ...[
      'pixelvalue',
      'value',
      'index',
      'idx',
      'id',
      'classid',
      'labelid',
      'categoryid',
      'classindex',
      'number',
    ],
    ...['greyvalue', 'grayvalue', 'maskvalue', 'pixel', 'grey', 'gray', 'no', 'nr'],
  ],
  red: ['r', 'red'],
  green: ['g', 'green'],
  blue: ['b', 'blue'],
  color: ['color', 'colour', 'hex', 'rgb', 'colorrgb', 'colorhex', 'hexcolor'],
};

const roles = new Map<string, Role>(
  Object.entries(headings).flatMap(([role, words]) => words.map((word) => [word, role as Role])),
);

const roleOf = (cell: string): Role => roles.get(cell.toLowerCase().replace(/[^a-z]/g, '')) ?? 'other';

/** Whether a single line is a heading rather than a class. */
export const isHeading = (line: string): boolean => roleOf(line) === 'name' && /^\s*\w+\s*$/.test(line);

const isNumber = (cell: string): boolean => /^-?\d{1,10}$/.test(cell);

/** The classes of a list with columns; null where the text is a plain list of names. Throws plain sentences. */
export function readClassTable(text: string, extension: string): ListedClass[] | null {
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.some((line) => line.length > MAX_LINE_LENGTH)) return null;
  const labelMap = labelMapOf(lines);
  if (labelMap !== null) return labelMap;
  const isTable = extension === '.csv' || extension === '.tsv';
  const delimiter = delimiterOf(lines[0] ?? '', extension);
  if (isTable || isHeadingRow(cellsOf(lines[0] ?? '', delimiter))) return classesOf(lines, delimiter);
  return numberedLines(lines);
}

/** CVAT: `label:color_rgb:parts:actions`, the heading behind a `#`. */
function labelMapOf(lines: readonly string[]): ListedClass[] | null {
  const isHead = /^#\s*label\s*:\s*color/i.test(lines[0] ?? '');
  const rows = lines.filter((line) => !line.startsWith('#'));
  const parts = rows.map((line) =>
    /^([^:]+):(?:\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*)?:[^:]*:[^:]*$/.exec(line),
  );
  if (!isHead && (rows.length < 2 || parts.some((match) => match === null))) return null;
  return parts.map((match, i) => {
    if (match === null) throw new Error(`"${rows[i]}" is no line of a label map such as "car:255,0,0::"`);
    const [, name = '', ...rgb] = match;
    return { name: name.trim(), value: null, color: rgb[0] === undefined ? null : colorFrom(rgb.join(' ')) };
  });
}

function delimiterOf(line: string, extension: string): string {
  if (extension === '.tsv') return '\t';
  const count = (character: string) => line.split(character).length;
  return [',', ';', '\t'].reduce((most, one) => (count(one) > count(most) ? one : most));
}

/** The cells of a row, quotes taken off; empty ones at the end left out. */
function cellsOf(line: string, delimiter: string): string[] {
  const cells: string[] = [];
  let cell = '';
  let isQuoted = false;
  for (let i = 0; i < line.length; i++) {
    const character = line[i] as string;
    if (isQuoted && character === '"' && line[i + 1] === '"') {
      cell += '"';
      i++;
    } else if (character === '"' && (isQuoted || cell.trim() === '')) {
      isQuoted = !isQuoted;
      if (isQuoted) cell = '';
    } else if (character === delimiter && !isQuoted) {
      cells.push(cell.trim());
      cell = '';
    } else cell += character;
  }
  if (isQuoted) throw new Error(`a quotation mark is not closed: ${line}`);
  cells.push(cell.trim());
  while (cells.length > 1 && cells.at(-1) === '') cells.pop();
  if (cells.length > MAX_COLUMNS) throw new Error(`it has more than ${MAX_COLUMNS} columns`);
  return cells;
}

const isHeadingRow = (cells: readonly string[]): boolean =>
  cells.length > 1 && cells.filter((cell) => roleOf(cell) !== 'other').length > 1 && !cells.some(isNumber);

function classesOf(lines: readonly string[], delimiter: string): ListedClass[] {
  const all = lines.map((line) => cellsOf(line, delimiter));
  const [first = [], ...others] = all;
  const hasHeading = isHeadingOf(first, others);
  const rows = hasHeading ? others : all;
  const numColumns = Math.max(0, ...rows.map((row) => row.length));
  const columns = Array.from({ length: numColumns }, (_, c) => rows.map((row) => row[c] ?? ''));
  const found = hasHeading ? headedRoles(first, columns) : plainRoles(columns);
  const at = (role: Role) => found.indexOf(role);
  if (at('name') < 0) {
    throw new Error(
      hasHeading
        ? `its columns are ${first.join(', ')}, and none is called name or class`
        : 'nothing says which of its columns has the names; give them a heading such as "value,name"',
    );
  }
  return rows.map((row, i) => ({
    name: row[at('name')] ?? '',
    value: at('value') < 0 ? null : valueFrom(row[at('value')] ?? '', i),
    color: rowColor(row, at, i),
  }));
}

/** A heading has words for columns, or words above a column of numbers. */
function isHeadingOf(first: readonly string[], others: readonly string[][]): boolean {
  if (first.some(isNumber)) return false;
  if (first.some((cell) => roleOf(cell) !== 'other')) return true;
  return first.some((_, c) => others.length > 0 && others.every((row) => isNumber(row[c] ?? '')));
}

function headedRoles(heading: readonly string[], columns: readonly string[][]): Role[] {
  const found = columns.map((cells, c): Role => {
    const role = roleOf(heading[c] ?? '');
    // pandas writes the index under no heading at all; "class" may head numbers beside names.
    const isNumeric = cells.every(isNumber);
    if (role === 'name' && isNumeric) return 'value';
    return role === 'other' && (heading[c] ?? '') === '' && isNumeric ? 'value' : role;
  });
  const once = found.map((role, c) => (role !== 'other' && found.indexOf(role) < c ? 'other' : role));
  if (once.includes('name')) return preferName(heading, once, found);
  const texts = once.flatMap((role, c) => (role === 'other' && !columns[c]?.every(isNumber) ? [c] : []));
  return texts.length === 1 ? once.map((role, c) => (c === texts[0] ? 'name' : role)) : once;
}

/** Of several columns that may have the names, that which is called so. */
function preferName(heading: readonly string[], once: Role[], found: readonly Role[]): Role[] {
  const named = found.findIndex((role, c) => role === 'name' && /name/i.test(heading[c] ?? ''));
  if (named < 0) return once;
  return once.map((role, c) => (c === named ? 'name' : role === 'name' ? 'other' : role));
}

/** By what stands in the columns: one of words, and none, one, three or four of numbers. */
function plainRoles(columns: readonly string[][]): Role[] {
  const isNumeric = columns.map((cells) => cells.every(isNumber));
  const numNumeric = isNumeric.filter(Boolean).length;
  const numeric = (
    { 1: ['value'], 3: ['red', 'green', 'blue'], 4: ['value', 'red', 'green', 'blue'] } as Record<
      number,
      Role[]
    >
  )[numNumeric];
  if (columns.length - numNumeric !== 1 || (numNumeric > 0 && numeric === undefined)) return [];
  let next = 0;
  return isNumeric.map((is) => (is ? ((numeric as Role[])[next++] as Role) : 'name'));
}

function valueFrom(cell: string, row: number): number {
  if (!isNumber(cell)) throw new Error(`class ${row + 1} has the value "${cell}", which is no whole number`);
  return Number(cell);
}

function rowColor(row: readonly string[], at: (role: Role) => number, i: number): number | null {
  const hasChannels = at('red') >= 0 && at('green') >= 0 && at('blue') >= 0;
  if (!hasChannels && at('color') < 0) return null;
  const text = hasChannels
    ? (['red', 'green', 'blue'] as const).map((role) => row[at(role)]).join(' ')
    : (row[at('color')] ?? '');
  const color = colorFrom(text);
  if (color === null)
    throw new Error(`class ${i + 1} has the colour "${text}", none such as #ff0000 or 255 0 0`);
  return color;
}

/** "#ff0000", "255 0 0", "255,0,0", "(255, 0, 0)" */
function colorFrom(text: string): number | null {
  const hex = /^#?([0-9a-f]{6})$/i.exec(text.trim());
  if (hex) return Number.parseInt(hex[1] as string, 16);
  const parts = /^[[(]?\s*(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})\s*[\])]?$/.exec(text.trim());
  const [r = 256, g = 256, b = 256] = parts?.slice(1).map(Number) ?? [];
  return r <= 255 && g <= 255 && b <= 255 ? (r << 16) | (g << 8) | b : null;
}

/** "0 sky", "0: sky", "0,sky", or "sky,0", where every line is so. */
function numberedLines(lines: readonly string[]): ListedClass[] | null {
  if (lines.length < 2) return null;
  return everyLine(lines, numberBefore) ?? everyLine(lines, numberBehind);
}

function everyLine(
  lines: readonly string[],
  parse: (line: string) => ListedClass | null,
): ListedClass[] | null {
  const classes: ListedClass[] = [];
  for (const line of lines) {
    const found = parse(line);
    if (found === null) return null;
    classes.push(found);
  }
  return classes;
}

function numberBefore(line: string): ListedClass | null {
  const [, value, name] = /^(-?\d{1,10})(?:\s*[:;,=\t.)]\s*|\s+)(\S.*)$/.exec(line) ?? [];
  return name === undefined ? null : { name: unquoted(name), value: Number(value), color: null };
}

/** Found from the end, as a pattern for the name before it would try every way to divide the line. */
function numberBehind(line: string): ListedClass | null {
  const end = /[:;,=\t]\s*(-?\d{1,10})$/.exec(line);
  const name = line.slice(0, end?.index ?? 0).trim();
  return end === null || name === '' ? null : { name: unquoted(name), value: Number(end[1]), color: null };
}

/** Without the quotation marks around it, and the comma or semicolon behind it. */
export function unquoted(line: string): string {
  const bare = line.trim().replace(/[,;]$/, '').trim();
  return /^(["']).*\1$/.test(bare) && bare.length > 1 ? bare.slice(1, -1).trim() : bare;
}
