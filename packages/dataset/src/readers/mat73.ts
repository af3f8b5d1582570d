/**
 * MATLAB 7.3 .mat files, which are HDF5, through h5wasm (NIST's WebAssembly build of the HDF5 library). MATLAB writes
 * its arrays column by column, so HDF5 sees their dimensions reversed; the attribute MATLAB_class tells such an array
 * from a plain HDF5 one, whose rows are rows. What a file claims is held against its size: HDF5 fills what was never
 * written, so some hundred bytes can stand for a gigabyte.
 */
import { closeSync, openSync, statSync } from 'node:fs';
import { devNull } from 'node:os';
import type { Dataset, Group } from 'h5wasm/node';
import type { PixelLimit } from '../limits.ts';
import type { MatArray, MatHeader, MatVariable } from './mat-array.ts';
import { fullFromSparse } from './mat-sparse.ts';
import { type NumberKind, numbersFrom } from './numbers.ts';
import type { NumericArray } from './raster.ts';

type Hdf5Module = Awaited<typeof import('h5wasm/node')['ready']>;

const SIGNATURE = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);
const MAX_TEXT_LENGTH = 2 ** 16;
const MAX_CELLS = 2 ** 16;
const MAX_VARIABLES = 4096;
/** Deflate packs no better than this; what claims more was never written. */
const MAX_COMPRESSION = 1032;
/** A small array may be larger than its file. */
const FREE_BYTES = 2 ** 20;

/** What one variable may still take, its nested cell arrays included. */
interface Budget extends PixelLimit {
  module: Hdf5Module;
  numBytes: number;
  numCells: number;
  numFileBytes: number;
}

/** True if the HDF5 signature stands where the format allows it: at 0, 512, 1024, ... */
export function isHdf5(bytes: Uint8Array): boolean {
  for (let at = 0; at + SIGNATURE.length <= bytes.length; at = at === 0 ? 512 : at * 2) {
    if (SIGNATURE.equals(bytes.subarray(at, at + SIGNATURE.length))) return true;
  }
  return false;
}

/** Opens the file, hands its variables to `use`, and closes it whatever happens. */
export async function withMat73<T>(
  path: string,
  limit: PixelLimit,
  use: (variables: MatVariable[]) => T,
): Promise<T> {
  // 4 MB of WebAssembly that most data sets never need.
  const { default: h5wasm } = await import('h5wasm/node');
  const module = await h5wasm.ready;
  return quietly(module, () => {
    const file = new h5wasm.File(path, 'r');
    if (file.file_id < 0n) throw new Error('its HDF5 structure is damaged or ends early');
    const numFileBytes = statSync(path).size;
    const newBudget = () => ({
      ...limit,
      module,
      numBytes: FREE_BYTES + MAX_COMPRESSION * numFileBytes,
      numCells: MAX_CELLS,
      numFileBytes,
    });
    try {
      const names = file.keys().filter((name) => !name.startsWith('#'));
      if (names.length > MAX_VARIABLES) throw new Error(`it has more than ${MAX_VARIABLES} variables`);
      return use(names.map((name) => partOf(file.get(name), name, newBudget)));
    } finally {
      file.close();
    }
  });
}

/** The library prints a trace for every fault, however well its caller handles it; stderr is pointed away meanwhile. */
function quietly<T>(module: Hdf5Module, job: () => T): T {
  const streams = (module.FS as unknown as { streams?: ({ nfd?: number } | null)[] }).streams;
  const stderr = streams?.[2];
  if (stderr?.nfd === undefined) return job();
  const { nfd } = stderr;
  const nowhere = openSync(devNull, 'w');
  stderr.nfd = nowhere;
  try {
    return job();
  } finally {
    stderr.nfd = nfd;
    closeSync(nowhere);
  }
}

/** A data set is an array, a group a struct or a sparse matrix. Links are never followed out of the file. */
function partOf(entity: unknown, name: string, newBudget: () => Budget): MatVariable {
  if (isDataset(entity)) {
    return { header: headerOf(entity, name), read: () => readArray(newBudget(), entity, name) };
  }
  const header: MatHeader = { name, className: 'struct', dims: [] };
  if (!isGroup(entity)) return { header, read: () => header };
  const numRows = entity.attrs.MATLAB_sparse?.value;
  if (numRows !== undefined) return sparsePart(entity, name, Number(numRows), newBudget);
  return {
    header,
    read: () => {
      const names = entity.keys();
      if (names.length > MAX_VARIABLES) throw new Error(`it has more than ${MAX_VARIABLES} fields`);
      return { ...header, fields: names.map((field) => partOf(entity.get(field), field, newBudget)) };
    },
  };
}

/** A group of the data sets ir, jc and data, of which one without values has jc alone. */
function sparsePart(group: Group, name: string, numRows: number, newBudget: () => Budget): MatVariable {
  const isLogical = String(group.attrs.MATLAB_class?.value) === 'logical';
  const starts = group.get('jc');
  const numColumns = isDataset(starts) ? (starts.shape?.[0] ?? 0) - 1 : 0;
  const dims = [numRows, numColumns];
  const read = (): MatArray => {
    const budget = newBudget();
    const numbersAt = (key: string): NumericArray => {
      const part = group.get(key);
      return (isDataset(part) ? readNumbers(budget, part, name) : null) ?? new Uint8Array(0);
    };
    const columns = { rows: numbersAt('ir'), starts: numbersAt('jc'), numbers: numbersAt('data') };
    const values = fullFromSparse(columns, dims, budget, budget.numFileBytes);
    return { name, dims, className: isLogical ? 'logical' : 'double', values };
  };
  return { header: { name, className: isLogical ? 'sparse logical' : 'sparse', dims }, read };
}

function isGroup(entity: unknown): entity is Group {
  return (entity as { type?: unknown } | null)?.type === 'Group';
}

function isDataset(entity: unknown): entity is Dataset {
  return (entity as { type?: unknown } | null)?.type === 'Dataset';
}

function classOf(dataset: Dataset): string | null {
  const attribute = dataset.attrs.MATLAB_class;
  return attribute === undefined ? null : String(attribute.value);
}

function headerOf(dataset: Dataset, name: string): MatHeader {
  const shape = dataset.shape ?? [];
  const className = classOf(dataset);
  if (className === null) return { name, className: String(dataset.dtype), dims: shape };
  return { name, className, dims: isMarkedEmpty(dataset) ? [0, 0] : [...shape].reverse() };
}

/** MATLAB stores the size of an empty array as the value of a data set that is marked so. */
function isMarkedEmpty(dataset: Dataset): boolean {
  return Number(dataset.attrs.MATLAB_empty?.value ?? 0) !== 0;
}

function readArray(budget: Budget, dataset: Dataset, name: string): MatArray {
  const header = headerOf(dataset, name);
  if (isMarkedEmpty(dataset)) return { ...header, values: new Float64Array(0) };
  if (header.className === 'cell') return { ...header, cells: readCells(budget, dataset) };
  const values = readNumbers(budget, dataset, name);
  if (values === null) return header;
  if (header.className === 'char') return { ...header, text: textOf(values) };
  if (classOf(dataset) !== null || header.dims.length !== 2) return { ...header, values };
  const [height, width] = header.dims as [number, number];
  return { ...header, values: toColumns(values, width, height) };
}

/** All values of an integer, bool or float data set; null for other types. */
function readNumbers(budget: Budget, dataset: Dataset, name: string): NumericArray | null {
  const { module } = budget;
  const { type, size, signed, shape, virtual_sources: sources } = dataset.metadata;
  const { H5T_INTEGER, H5T_FLOAT, H5T_ENUM } = module.H5T_class_t;
  const isWhole = type === H5T_INTEGER.value || type === H5T_ENUM.value;
  if (!isWhole && type !== H5T_FLOAT.value) return null;
  if (![1, 2, 4, 8].includes(size)) throw new Error(`its variable ${name} has numbers of ${size} bytes`);
  if ((sources?.length ?? 0) > 0) throw new Error(`its variable ${name} lies in other files`);
  const count = (shape ?? []).reduce((product, dim) => product * dim, 1);
  if (count > budget.maxPixels) {
    throw new Error(
      `its variable ${name} claims ${count} values, more than the ${budget.maxPixels} that are read; --max-pixels raises that`,
    );
  }
  spend(budget, count * size);
  const pointer = module._malloc(Math.max(1, count * size));
  if (pointer === 0) throw new Error(`its variable ${name} does not fit into memory`);
  try {
    // The status tells damaged data, which the library's own getter passes over.
    const status = module.get_dataset_data(dataset.file_id, dataset.path, null, null, null, BigInt(pointer));
    if (status < 0) throw new Error(`its variable ${name} is damaged`);
    const kind = `${isWhole ? (signed ? 'i' : 'u') : 'f'}${size}` as NumberKind;
    return numbersFrom(module.HEAPU8.subarray(pointer, pointer + count * size), kind, true);
  } finally {
    module._free(pointer);
  }
}

/** A plain HDF5 array, brought into MATLAB's column order. */
function toColumns(rows: NumericArray, width: number, height: number): NumericArray {
  const columns = rows.slice() as NumericArray;
  for (let x = 0, at = 0; x < width; x++) {
    for (let y = 0; y < height; y++, at++) columns[at] = rows[y * width + x] as number & bigint;
  }
  return columns;
}

/** A cell array is a data set of references to data sets and groups in the hidden group #refs#. */
function readCells(budget: Budget, dataset: Dataset): MatVariable[] {
  const numCells = (dataset.shape ?? []).reduce((product, dim) => product * dim, 1);
  budget.numCells -= numCells;
  if (!(budget.numCells >= 0)) throw new Error(`it has more than ${MAX_CELLS} cells`);
  spend(budget, numCells * dataset.metadata.size);
  const references = dataset.value;
  if (!Array.isArray(references)) throw new Error('it is damaged: a cell array without references');
  return references.map((reference, i) => {
    const target = dataset.dereference(reference as Parameters<Dataset['dereference']>[0]);
    if (!isDataset(target) && !isGroup(target)) throw new Error(`it is damaged: cell ${i + 1} is not there`);
    return partOf(target, `cell ${i + 1}`, () => budget);
  });
}

function spend(budget: Budget, numBytes: number): void {
  budget.numBytes -= numBytes;
  if (!(budget.numBytes >= 0))
    throw new Error('it is damaged: it claims more values than a file of its size holds');
}

function textOf(codes: NumericArray): string {
  if (codes.length > MAX_TEXT_LENGTH) throw new Error(`it holds a text of ${codes.length} characters`);
  let text = '';
  for (const code of codes) text += String.fromCharCode(Number(code));
  return text;
}
