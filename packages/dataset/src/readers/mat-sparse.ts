/** MATLAB's sparse matrices (both file formats keep them alike: compressed sparse columns) as full ones. */
import { checkPixels, type PixelLimit } from '../limits.ts';
import type { NumericArray } from './raster.ts';

export interface SparseColumns {
  /** Row of each value that is not zero. */
  rows: NumericArray;
  /** Where the values of each column begin, and at last how many there are. */
  starts: NumericArray;
  numbers: NumericArray;
}

/**
 * Values column by column. Throws a plain sentence for what is damaged, or claims more than a file of `numFileBytes` is
 * believed to hold.
 */
export function fullFromSparse(
  { rows, starts, numbers }: SparseColumns,
  [height = 0, width = 0]: readonly number[],
  limit: PixelLimit,
  numFileBytes: number,
): NumericArray {
  checkPixels(width, height, limit, numFileBytes);
  const isByte = numbers.every((value: number | bigint) => Number(value) === (Number(value) & 255));
  const full = new (isByte ? Uint8Array : Float64Array)(width * height);
  const isWrong = starts.length !== width + 1;
  for (let x = 0; x < width && !isWrong; x++) {
    const [from, to] = [Number(starts[x]), Number(starts[x + 1])];
    if (!(from >= 0 && from <= to && to <= rows.length && to <= numbers.length)) throw damaged();
    for (let at = from; at < to; at++) {
      const y = Number(rows[at]);
      if (!(y >= 0 && y < height)) throw damaged();
      full[x * height + y] = Number(numbers[at]);
    }
  }
  if (isWrong) throw damaged();
  return full;
}

const damaged = () => new Error('it is damaged: a sparse matrix whose parts do not fit together');
