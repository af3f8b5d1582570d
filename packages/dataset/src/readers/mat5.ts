/**
 * MATLAB level 5 .mat files (the default of `save` up to -v7), compressed or not, of either byte order. A compressed
 * variable is inflated to exactly the size that its own header states, if that fits its dimensions.
 */
import { constants, inflateSync } from 'node:zlib';
import type { PixelLimit } from '../limits.ts';
import { inflateWithin } from './inflate.ts';
import { describeVariable, type MatArray, type MatHeader, type MatVariable } from './mat-array.ts';
import { fullFromSparse } from './mat-sparse.ts';
import {
  classNames,
  type Element,
  Elements,
  MI_COMPRESSED,
  MI_INT8,
  MI_INT32,
  MI_MATRIX,
  MI_UINT32,
  MI_UTF8,
  numberKinds,
  textKinds,
} from './mat5-elements.ts';
import { type NumberKind, numbersFrom } from './numbers.ts';
import type { NumericArray } from './raster.ts';

const HEADER_BYTES = 128;
const MAX_BYTES_PER_NUMBER = 8;
/** Holds a variable's array flags, dimensions and name, however badly compressed. */
const HEADER_SAMPLE_BYTES = 1024;
const MAX_VARIABLES = 4096;
const MAX_DIMENSIONS = 32;
/** Of one variable, those of nested cell arrays and structs among them: a name for each class. */
const MAX_CELLS = 2 ** 16;
/** What the parts of a cell array or struct may have besides their numbers: as many names with their headers. */
const MAX_CELL_BYTES = 2 ** 23;
/** Tags, flags, dimensions and name of an array. */
const MAX_ARRAY_HEADER_BYTES = 4096;
const MAX_TEXT_BYTES = 2 ** 16;

/** True if the bytes have the header of a level 5 file. */
export function isMat5(bytes: Uint8Array): boolean {
  const mark = String.fromCharCode(bytes[126] ?? 0, bytes[127] ?? 0);
  return bytes.length >= HEADER_BYTES && (mark === 'IM' || mark === 'MI');
}

/** Names, classes and sizes of all variables, in file order, and a way to read the values of each. */
export function openMat5(bytes: Uint8Array, limit: PixelLimit): MatVariable[] {
  if (!isMat5(bytes)) throw new Error('it is no MATLAB file of level 5 or 7.3');
  const littleEndian = bytes[126] === 'I'.charCodeAt(0);
  const elements = new Elements(bytes.subarray(HEADER_BYTES), littleEndian);
  const variables: MatVariable[] = [];
  const newBudget = (): Budget => ({ ...limit, numCells: MAX_CELLS, numFileBytes: bytes.length });
  while (!elements.atEnd) {
    if (variables.length >= MAX_VARIABLES) throw new Error(`it has more than ${MAX_VARIABLES} variables`);
    const { type, data } = elements.next();
    if (type === MI_COMPRESSED) {
      const sample = inflateStart(data);
      const numBytes = matrixBytes(sample, littleEndian);
      const header = parseHeader(new Elements(sample.subarray(8), littleEndian));
      const read = () =>
        isRead(header)
          ? parseMatrix(inflateMatrix(data, numBytes, header, limit), littleEndian, newBudget())
          : refused(header);
      variables.push({ header, read });
    } else if (type === MI_MATRIX) {
      variables.push({
        header: parseHeader(new Elements(data, littleEndian)),
        read: () => parseMatrix(data, littleEndian, newBudget()),
      });
    }
  }
  return variables.filter(({ header }) => header.name !== '');
}

function inflateStart(data: Uint8Array): Uint8Array {
  const start = data.subarray(0, HEADER_SAMPLE_BYTES);
  return inflateSync(start, { finishFlush: constants.Z_SYNC_FLUSH });
}

/** Size of the array element inside a compressed one, as its first 8 bytes say. */
function matrixBytes(inflated: Uint8Array, littleEndian: boolean): number {
  if (inflated.length < 8) throw new Error('the file ends early');
  const view = new DataView(inflated.buffer, inflated.byteOffset, 8);
  if (view.getUint32(0, littleEndian) !== MI_MATRIX)
    throw new Error('it is damaged: a compressed part is no array');
  return view.getUint32(4, littleEndian);
}

function inflateMatrix(
  data: Uint8Array,
  numBytes: number,
  header: FullHeader,
  limit: PixelLimit,
): Uint8Array {
  const maxBytes = maxBytesOf(header, limit);
  if (numBytes > maxBytes) {
    throw new Error(
      `a variable claims ${numBytes} bytes, more than the ${maxBytes} that ${describeVariable(header)} may have`,
    );
  }
  const inflated = inflateWithin(data, numBytes + 8);
  if (inflated.length < numBytes + 8) throw new Error('the file ends early');
  return inflated.subarray(8);
}

/** What an array may take; of one with parts its header does not say what these are. */
function maxBytesOf(header: FullHeader, limit: PixelLimit): number {
  if (header.className === 'char') return MAX_CELL_BYTES;
  if (header.className === 'cell' && header.dims.reduce((product, dim) => product * dim, 1) > MAX_CELLS) {
    throw new Error(`it has more than ${MAX_CELLS} cells`);
  }
  const hasParts = ['cell', 'struct'].includes(header.className) || header.isSparse;
  const numNumbers = hasParts ? 2 * limit.maxPixels : numValues(header, limit);
  return (hasParts ? MAX_CELL_BYTES : MAX_ARRAY_HEADER_BYTES) + MAX_BYTES_PER_NUMBER * numNumbers;
}

interface FullHeader extends MatHeader {
  isComplex: boolean;
  isSparse: boolean;
}

function parseHeader(elements: Elements): FullHeader {
  const flags = elements.next();
  if (flags.type !== MI_UINT32 || flags.data.length < 8)
    throw new Error('it is damaged: an array without flags');
  const view = new DataView(flags.data.buffer, flags.data.byteOffset, 8);
  const word = view.getUint32(0, elements.littleEndian);
  const className = classNames[word & 0xff];
  if (className === undefined || className === '')
    throw new Error(`it is damaged: array class ${word & 0xff}`);
  const isLogical = ((word >>> 8) & 0x02) !== 0;
  const isComplex = ((word >>> 8) & 0x08) !== 0;
  // An opaque array (a MATLAB object) has no dimensions and is only ever listed.
  if (className === 'opaque') {
    return { name: asciiOf(elements.next().data), className, dims: [], isComplex, isSparse: false };
  }
  const dims = elements.next();
  if (dims.type !== MI_INT32 || dims.data.length > MAX_DIMENSIONS * 4)
    throw new Error('it is damaged: an array without dimensions');
  const sizes = Array.from(numbersFrom(dims.data, 'i4', elements.littleEndian), Number);
  if (sizes.some((size) => size < 0)) throw new Error('it is damaged: a negative dimension');
  const name = elements.next();
  if (name.type !== MI_INT8) throw new Error('it is damaged: an array without a name');
  const isSparse = className === 'sparse';
  const shown = isSparse && isLogical ? 'sparse logical' : isLogical ? 'logical' : className;
  return { name: asciiOf(name.data), className: shown, dims: sizes, isComplex, isSparse };
}

/** Throws for more than are read. */
function numValues({ name, dims }: MatHeader, { maxPixels }: PixelLimit): number {
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (count > maxPixels) {
    throw new Error(
      `its variable ${name} claims ${count} values, more than the ${maxPixels} that are read; --max-pixels raises that`,
    );
  }
  return count;
}

const UNREAD = ['object', 'opaque', 'function handle'];

/** Whether an array of this kind has values for us; what has not is told without inflating it. */
function isRead({ className, isComplex }: FullHeader): boolean {
  return !isComplex && !UNREAD.includes(className);
}

/** Its header alone, or the sentence for a kind that a person can save differently. */
function refused({ isComplex, isSparse: _, ...header }: FullHeader): MatArray {
  if (isComplex && !UNREAD.includes(header.className))
    throw new Error(`its variable ${header.name} is complex`);
  return header;
}

/** What one variable and its parts may still be. */
interface Budget extends PixelLimit {
  numCells: number;
  numFileBytes: number;
}

function asciiOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function parseMatrix(bytes: Uint8Array, littleEndian: boolean, budget: Budget): MatArray {
  // An empty cell may be an array element of no bytes at all.
  if (bytes.length === 0) return { name: '', className: 'double', dims: [0, 0], values: new Float64Array(0) };
  const elements = new Elements(bytes, littleEndian);
  const fullHeader = parseHeader(elements);
  if (!isRead(fullHeader)) return refused(fullHeader);
  const { isComplex: _, isSparse, ...header } = fullHeader;
  if (isSparse) return parseSparse(elements, header, littleEndian, budget);
  if (header.className === 'struct') {
    return { ...header, fields: parseFields(elements, header, littleEndian, budget) };
  }
  const count = numValues(header, budget);
  if (header.className === 'cell') {
    return { ...header, cells: parseCells(elements, count, littleEndian, budget) };
  }
  if (header.className === 'char') {
    return { ...header, text: parseText(elements, header.dims, littleEndian) };
  }
  return { ...header, values: parseNumbers(elements.next(), numberKinds, count, littleEndian) };
}

/** The values may be stored in a narrower type than the array's class: MATLAB does so to save space. */
function parseNumbers(
  { type, data }: Element,
  kinds: Record<number, NumberKind>,
  count: number,
  littleEndian: boolean,
): NumericArray {
  const kind = kinds[type];
  if (kind === undefined) throw new Error(`it is damaged: data type ${type}`);
  // Bytes, as most masks have them, need neither alignment nor order: what was inflated is not copied again.
  const values =
    kind === 'u1'
      ? new Uint8Array(data.buffer, data.byteOffset, data.length)
      : numbersFrom(data, kind, littleEndian);
  if (values.length !== count)
    throw new Error(`it is damaged: ${values.length} values where ${count} were promised`);
  return values;
}

function parseCells(elements: Elements, count: number, littleEndian: boolean, budget: Budget): MatVariable[] {
  spendCells(budget, count);
  return Array.from({ length: count }, (_, i) => parsePart(elements, `cell ${i + 1}`, littleEndian, budget));
}

function spendCells(budget: Budget, count: number): void {
  budget.numCells -= count;
  if (!(budget.numCells >= 0)) throw new Error(`it has more than ${MAX_CELLS} cells`);
}

/** The next array, read when it is asked for. Parts have no names of their own. */
function parsePart(elements: Elements, name: string, littleEndian: boolean, budget: Budget): MatVariable {
  const { type, data } = elements.next();
  if (type !== MI_MATRIX) throw new Error('it is damaged: a cell or field that is no array');
  const header =
    data.length === 0
      ? { name, className: 'double', dims: [0, 0] }
      : { ...parseHeader(new Elements(data, littleEndian)), name };
  return { header, read: () => parseMatrix(data, littleEndian, budget) };
}

/** The fields of a struct: the length that names have in the file, the names, and an array for each. */
function parseFields(
  elements: Elements,
  header: MatHeader,
  littleEndian: boolean,
  budget: Budget,
): MatVariable[] {
  const count = header.dims.reduce((product, dim) => product * dim, 1);
  const [lengthPart, namesPart] = [elements.next(), elements.next()];
  if (lengthPart.type !== MI_INT32 || lengthPart.data.length !== 4 || namesPart.type !== MI_INT8) {
    throw new Error('it is damaged: a struct without names of fields');
  }
  const nameLength = Number(numbersFrom(lengthPart.data, 'i4', littleEndian)[0]);
  if (!(nameLength >= 1 && namesPart.data.length % nameLength === 0)) {
    throw new Error('it is damaged: a struct without names of fields');
  }
  const numFields = namesPart.data.length / nameLength;
  spendCells(budget, numFields);
  if (count !== 1) throw new Error(`its variable ${describeVariable(header)} is an array of structs`);
  return Array.from({ length: numFields }, (_, i) => {
    const name = asciiOf(namesPart.data.subarray(i * nameLength, (i + 1) * nameLength));
    return parsePart(elements, name.replace(/\0.*$/s, ''), littleEndian, budget);
  });
}

/** Rows, column starts and values, of which a logical matrix may have more room than it uses. */
function parseSparse(
  elements: Elements,
  { name, dims, className }: MatHeader,
  littleEndian: boolean,
  budget: Budget,
): MatArray {
  const numbers = (): NumericArray => {
    const { type, data } = elements.next();
    const kind = numberKinds[type];
    if (kind === undefined) throw new Error(`it is damaged: data type ${type}`);
    return numbersFrom(data, kind, littleEndian);
  };
  if (dims.length !== 2) throw new Error('it is damaged: a sparse matrix without rows and columns');
  const [rows, starts] = [numbers(), numbers()];
  const values = fullFromSparse({ rows, starts, numbers: numbers() }, dims, budget, budget.numFileBytes);
  return { name, dims, className: className === 'sparse' ? 'double' : 'logical', values };
}

/** The rows of a char array, joined as lines; a name has one row. The characters lie column by column. */
function parseText(elements: Elements, dims: number[], littleEndian: boolean): string {
  const { type, data } = elements.next();
  const kind = textKinds[type];
  if (kind === undefined) throw new Error(`it is damaged: data type ${type} of a text`);
  if (data.length > MAX_TEXT_BYTES) throw new Error(`it holds a text of ${data.length} bytes`);
  if (type === MI_UTF8) return Buffer.from(data).toString('utf8');
  const codes = numbersFrom(data, kind, littleEndian);
  const numRows = Math.max(1, dims[0] ?? 1);
  const rows = Array<string>(Math.min(numRows, codes.length)).fill('');
  for (let i = 0; i < codes.length; i++) rows[i % numRows] += characterOf(Number(codes[i]));
  return rows.join('\n');
}

function characterOf(code: number): string {
  if (!(code >= 0 && code <= 0x10ffff)) throw new Error(`it is damaged: character ${code}`);
  return String.fromCodePoint(code);
}
