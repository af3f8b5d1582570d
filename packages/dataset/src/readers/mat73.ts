/**
 * MATLAB 7.3 .mat files, which are HDF5, through h5wasm (NIST's WebAssembly build of the HDF5 library). MATLAB writes
 * its arrays column by column, so HDF5 sees their dimensions reversed; the attribute MATLAB_class tells such an array
 * from a plain HDF5 one, whose rows are rows.
 */
import type { Dataset, File as Hdf5File } from 'h5wasm/node';
import { MAX_PIXELS } from '../limits.ts';
import type { MatArray, MatHeader } from './mat-array.ts';
import type { NumericArray } from './raster.ts';

const SIGNATURE = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);
const MAX_TEXT_LENGTH = 2 ** 16;

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
  use: (variables: { header: MatHeader; read: () => MatArray }[]) => T,
): Promise<T> {
  // 4 MB of WebAssembly that most data sets never need.
  const { default: h5wasm } = await import('h5wasm/node');
  const module = await h5wasm.ready;
  module.activate_throwing_error_handler();
  const file = new h5wasm.File(path, 'r');
  try {
    const names = file.keys().filter((name) => !name.startsWith('#'));
    const datasets = names.map((name) => [name, datasetAt(file, name)] as const);
    return use(
      datasets.map(([name, dataset]) => ({
        header: dataset === null ? { name, className: 'struct', dims: [] } : headerOf(dataset, name),
        read: () => {
          if (dataset === null) return { name, className: 'struct', dims: [] };
          return readArray(dataset, name);
        },
      })),
    );
  } finally {
    file.close();
  }
}

/** A data set of this file, or null for anything else: links are never followed out of the file. */
function datasetAt(file: Hdf5File, name: string): Dataset | null {
  const entity = file.get(name);
  return isDataset(entity) ? entity : null;
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
  if (className !== null && isMarkedEmpty(dataset)) return { name, className, dims: [0, 0] };
  if (className === null) return { name, className: String(dataset.dtype), dims: shape };
  return { name, className, dims: [...shape].reverse() };
}

/** MATLAB stores the size of an empty array as the value of a data set that is marked so. */
function isMarkedEmpty(dataset: Dataset): boolean {
  return Number(dataset.attrs.MATLAB_empty?.value ?? 0) !== 0;
}

function readArray(dataset: Dataset, name: string): MatArray {
  const header = headerOf(dataset, name);
  const { metadata } = dataset;
  if ((metadata.virtual_sources?.length ?? 0) > 0)
    throw new Error(`its variable ${name} lies in other files`);
  const count = (dataset.shape ?? []).reduce((product, dim) => product * dim, 1);
  if (count > MAX_PIXELS) throw new Error(`its variable ${name} claims ${count} values`);
  if (isMarkedEmpty(dataset)) return { ...header, values: new Float64Array(0) };
  if (header.className === 'cell') return { ...header, cells: readCells(dataset) };
  if (header.className === 'char') return { ...header, text: readText(dataset, count) };
  const { value } = dataset;
  if (!ArrayBuffer.isView(value)) return header;
  const values = value as NumericArray;
  if (classOf(dataset) !== null) return { ...header, values };
  // A plain HDF5 array: its rows are brought into MATLAB's column order.
  const [height = 0, width = 0, ...more] = header.dims;
  return more.length > 0 ? { ...header, values } : { ...header, values: toColumns(values, width, height) };
}

function toColumns(rows: NumericArray, width: number, height: number): NumericArray {
  const columns = rows.slice() as NumericArray;
  for (let x = 0, at = 0; x < width; x++) {
    for (let y = 0; y < height; y++, at++) columns[at] = rows[y * width + x] as number & bigint;
  }
  return columns;
}

/** A cell array is a data set of references to data sets in the hidden group #refs#. */
function readCells(dataset: Dataset): MatArray[] {
  const references = dataset.value;
  if (!Array.isArray(references)) throw new Error('it is damaged: a cell array without references');
  return references.map((reference, i) => {
    const target = dataset.dereference(reference as Parameters<Dataset['dereference']>[0]);
    if (!isDataset(target)) throw new Error(`it is damaged: cell ${i + 1} is not there`);
    return readArray(target, `cell ${i + 1}`);
  });
}

function readText(dataset: Dataset, count: number): string {
  if (count > MAX_TEXT_LENGTH) throw new Error(`it holds a text of ${count} characters`);
  const { value } = dataset;
  if (!ArrayBuffer.isView(value)) throw new Error('it is damaged: a text without characters');
  return String.fromCharCode(...Array.from(value as Uint16Array, Number));
}
