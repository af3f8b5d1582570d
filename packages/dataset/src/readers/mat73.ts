/**
 * MATLAB 7.3 .mat files, which are HDF5, through h5wasm (NIST's WebAssembly build of the HDF5 library). MATLAB writes
 * its arrays column by column, so HDF5 sees their dimensions reversed; the attribute MATLAB_class tells such an array
 * from a plain HDF5 one, whose rows are rows. What a file claims is held against its size: HDF5 fills what was never
 * written, so some hundred bytes can stand for a gigabyte.
 */
import { closeSync, openSync, statSync } from 'node:fs';
import { devNull } from 'node:os';
import type { Dataset, File as Hdf5File } from 'h5wasm/node';
import type { PixelLimit } from '../limits.ts';
import type { MatArray, MatHeader } from './mat-array.ts';
import { type NumberKind, numbersFrom } from './numbers.ts';
import type { NumericArray } from './raster.ts';

type Hdf5Module = Awaited<typeof import('h5wasm/node')['ready']>;

const SIGNATURE = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);
const MAX_TEXT_LENGTH = 2 ** 16;
const MAX_CELLS = 2 ** 16;
const MAX_CELL_DEPTH = 8;
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
  depth: number;
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
  use: (variables: { header: MatHeader; read: () => MatArray }[]) => T,
): Promise<T> {
  // 4 MB of WebAssembly that most data sets never need.
  const { default: h5wasm } = await import('h5wasm/node');
  const module = await h5wasm.ready;
  return quietly(module, () => {
    const file = new h5wasm.File(path, 'r');
    if (file.file_id < 0n) throw new Error('its HDF5 structure is damaged or ends early');
    const maxBytes = FREE_BYTES + MAX_COMPRESSION * statSync(path).size;
    const newBudget = () => ({
      ...limit,
      module,
      numBytes: maxBytes,
      numCells: MAX_CELLS,
      depth: MAX_CELL_DEPTH,
    });
    try {
      const names = file.keys().filter((name) => !name.startsWith('#'));
      if (names.length > MAX_VARIABLES) throw new Error(`it has more than ${MAX_VARIABLES} variables`);
      return use(names.map((name) => variableAt(newBudget, file, name)));
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

function variableAt(newBudget: () => Budget, file: Hdf5File, name: string) {
  const entity = file.get(name);
  // Groups are MATLAB's structs; links are never followed out of the file.
  if (!isDataset(entity)) {
    const header: MatHeader = { name, className: 'struct', dims: [] };
    return { header, read: (): MatArray => header };
  }
  return { header: headerOf(entity, name), read: () => readArray(newBudget(), entity, name) };
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

/** A cell array is a data set of references to data sets in the hidden group #refs#. */
function readCells(budget: Budget, dataset: Dataset): MatArray[] {
  const numCells = (dataset.shape ?? []).reduce((product, dim) => product * dim, 1);
  budget.numCells -= numCells;
  if (!(budget.numCells >= 0)) throw new Error(`it has more than ${MAX_CELLS} cells`);
  if (budget.depth === 0) throw new Error('its cell arrays are nested too deeply');
  spend(budget, numCells * dataset.metadata.size);
  budget.depth--;
  const references = dataset.value;
  if (!Array.isArray(references)) throw new Error('it is damaged: a cell array without references');
  const cells = references.map((reference, i) => {
    const target = dataset.dereference(reference as Parameters<Dataset['dereference']>[0]);
    if (!isDataset(target)) throw new Error(`it is damaged: cell ${i + 1} is not there`);
    return readArray(budget, target, `cell ${i + 1}`);
  });
  budget.depth++;
  return cells;
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
