/**
 * Predictors of TIFF parts: 2 stores differences from the pixel at the left, 3 the bytes of floats sorted by weight, as
 * differences. Sources: "TIFF, revision 6.0", section 14; "TIFF Technical Note 3", Adobe.
 */
import { type NumberKind, numbersFrom } from './numbers.ts';
import type { NumericArray } from './raster.ts';

export interface PredictedRows {
  /** Values in a row. */
  width: number;
  height: number;
  /** Values from a pixel to the next. */
  stride: number;
  /** Of one value. */
  bytes: number;
  littleEndian: boolean;
}

/** The part's numbers. Throws a plain sentence for a predictor of another kind. */
export function undoPredictor(
  data: Uint8Array,
  kind: NumberKind,
  predictor: number,
  rows: PredictedRows,
): NumericArray {
  if (predictor === 3 && kind[0] === 'f') return numbersFrom(floatRows(data, rows), kind, false);
  if (predictor !== 2)
    throw new Error(`it has the predictor ${predictor}, which is not read; save it without`);
  // Differences are of the bits as whole numbers, which wrap around, also where they are floats.
  const whole = numbersFrom(data, `u${rows.bytes}` as NumberKind, rows.littleEndian);
  const { width, height, stride } = rows;
  for (let y = 0; y < height; y++) {
    const end = (y + 1) * width;
    for (let i = y * width + stride; i < end; i++) {
      whole[i] = ((whole[i] as number) + (whole[i - stride] as number)) as number & bigint;
    }
  }
  const bytes = new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength);
  return numbersFrom(bytes, kind, true);
}

/** Bytes in big-endian order: each row holds the highest bytes of all its values, then the next ones, and so on. */
function floatRows(data: Uint8Array, { width, height, stride, bytes }: PredictedRows): Uint8Array {
  const result = new Uint8Array(data.length);
  const rowBytes = width * bytes;
  const row = new Uint8Array(rowBytes);
  for (let y = 0; y < height; y++) {
    row.set(data.subarray(y * rowBytes, (y + 1) * rowBytes));
    for (let i = stride; i < rowBytes; i++) row[i] = (row[i] as number) + (row[i - stride] as number);
    for (let x = 0, to = y * rowBytes; x < width; x++) {
      for (let b = 0; b < bytes; b++) result[to++] = row[b * width + x] as number;
    }
  }
  return result;
}
