/**
 * Reducing pictures of bytes in WebAssembly, see assembly/pixels.ts: what is asked for is a plan for each axis. One memory
 * serves all pictures of a thread, one after another, and stays as large as the largest of them needed.
 */
import {
  createWasmMemory,
  growWasmMemory,
  instantiatePixels,
  type PixelExports,
  pageBytes,
  type WasmMemory,
} from './webassembly.ts';

/** How one axis is reduced: means of `factor` first, then `count` times one of the filters, unless there are none. */
export interface AxisReduction {
  factor: number;
  count: number;
  /** Weights of a filter, in 1/4096; 0: no filter. */
  numTaps: number;
  /** How far the picture goes on before its first pixel. */
  pad: number;
  /** For each result the first pixel under the filter, from the padded beginning, and which filter. */
  places: Int32Array;
  /** Of all filters, each with zeros up to a multiple of four. */
  weights: Int16Array;
}

export interface BytePicture {
  width: number;
  height: number;
  channels: 1 | 3;
  /** HWC. */
  pixels: Uint8Array;
}

/** Bytes of a row that the kernels take at a time, which a row has to have. */
export const leastRowBytes = 16;

let memory: WasmMemory | null = null;
let kernels: PixelExports;

/** A picture of `columns.count` x `rows.count` pixels. */
export function reducePixels(picture: BytePicture, columns: AxisReduction, rows: AxisReduction): Uint8Array {
  const { width, height, channels, pixels } = picture;
  const rowBytes = width * channels;
  if (rowBytes < leastRowBytes) throw new Error(`a row of ${rowBytes} bytes`);
  const meanHeight = Math.ceil(height / rows.factor);
  const padded = Math.ceil(width / columns.factor) + columns.pad + columns.numTaps + 16;
  const place = new Places();
  const source = place.of(pixels.length);
  const means = rows.factor > 1 ? place.of(meanHeight * rowBytes) : source;
  const filtered = rows.numTaps > 0 ? place.of(rows.count * rowBytes) : means;
  const result = place.of(columns.count * rows.count * channels);
  const row = place.of(padded * channels);
  const tables = [rows.places, rows.weights, columns.places, columns.weights].map((values) => ({
    values,
    offset: place.of(values.byteLength),
  }));
  reserve(place.end);

  const bytes = new Uint8Array(memory!.buffer);
  bytes.set(pixels, source);
  for (const { values, offset } of tables) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
  }
  const [rowPlaces, rowWeights, columnPlaces, columnWeights] = tables.map(({ offset }) => offset) as [
    number,
    number,
    number,
    number,
  ];
  if (rows.factor > 1) kernels.meanRows(source, rowBytes, height, rows.factor, means);
  if (rows.numTaps > 0) {
    const filter = [rowPlaces, rowWeights, rows.numTaps, rows.pad] as const;
    kernels.filterRows(means, rowBytes, meanHeight, filtered, rows.count, ...filter);
  }
  const filter = [columnPlaces, columnWeights, columns.numTaps, columns.pad] as const;
  const { factor, count } = columns;
  kernels.reduceColumns(filtered, width, rows.count, channels, factor, result, count, ...filter, row);
  return bytes.slice(result, result + count * rows.count * channels);
}

/** Places in memory, one after another. */
class Places {
  end = leastRowBytes;

  of(numBytes: number): number {
    const offset = this.end;
    this.end = Math.ceil((offset + numBytes) / leastRowBytes) * leastRowBytes;
    return offset;
  }
}

function reserve(numBytes: number): void {
  const numPages = Math.ceil(numBytes / pageBytes) + 1;
  if (memory === null) {
    memory = createWasmMemory(numPages, false);
    kernels = instantiatePixels(memory);
  }
  const missing = numPages - memory.buffer.byteLength / pageBytes;
  if (missing > 0) growWasmMemory(memory, missing);
}
