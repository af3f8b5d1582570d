/**
 * Arrays of numbers (.npy, .mat) as pictures: which dimension is what, and in which order the numbers lie. An array says
 * neither what its numbers mean nor which of its dimensions are height, width and channels, so that shapes with two
 * readings are refused.
 */
import type { NumberKind } from './numbers.ts';
import { plainPicture, type StoredPicture } from './picture.ts';
import type { NumericArray } from './raster.ts';
import { rowsOfColumns } from './transpose.ts';

/** Channels of a photo at most: red, green, blue and transparency. */
const MAX_CHANNELS = 4;

export interface ArrayShape {
  width: number;
  height: number;
  channels: number;
  /** Channels come first: (channels, height, width). */
  isPlanar: boolean;
}

type Size = Pick<ArrayShape, 'width' | 'height' | 'channels'>;

/** Throws a plain sentence that begins with `described` for a shape that is not height x width, or has two readings. */
export function shapeOf(all: readonly number[], described: string): ArrayShape {
  const dims = [...all];
  while (dims.length > 2 && dims.at(-1) === 1) dims.pop();
  while (dims.length > 2 && dims[0] === 1) dims.shift();
  const [first = 0, second = 0, third = 1] = dims;
  if (dims.length === 2) return { height: first, width: second, channels: 1, isPlanar: false };
  const isLast = third <= MAX_CHANNELS;
  const isFirst = first <= MAX_CHANNELS;
  if (dims.length === 3 && isLast && !isFirst) {
    return { height: first, width: second, channels: third, isPlanar: false };
  }
  if (dims.length === 3 && isFirst && !isLast) {
    return { height: second, width: third, channels: first, isPlanar: true };
  }
  throw new Error(
    `${described}, where height and width are needed, or height, width and at most ${MAX_CHANNELS} channels; save each picture as a file of its own`,
  );
}

export function arrayPicture({
  channels,
  ...array
}: Pick<StoredPicture, 'width' | 'height' | 'channels' | 'values' | 'kind' | 'bits'>): StoredPicture {
  return { ...plainPicture, ...array, channels, meaning: channels === 1 ? 'numbers' : 'bands' };
}

/** HWC of values that lie plane by plane: (channels, height, width). */
export function fromPlanes(values: NumericArray, { width, height, channels }: Size): NumericArray {
  return reordered(
    values,
    width,
    height,
    channels,
    [channels, width * channels, 1],
    [width, height, channels],
  );
}

/**
 * HWC of values that lie column by column, the first dimension fastest (MATLAB, Fortran): (height, width, channels), or
 * (channels, height, width).
 */
export function fromColumns(
  values: NumericArray,
  { width, height, channels }: Size,
  isPlanar = false,
): NumericArray {
  if (channels === 1 && values instanceof Uint8Array) return rowsOfColumns(values, width, height);
  return isPlanar
    ? reordered(values, width, height, channels, [1, width * channels, channels], [channels, height, width])
    : reordered(values, width, height, channels, [width * channels, channels, 1], [height, width, channels]);
}

/** Writes values in order to places of HWC: `steps` apart along three dimensions of `lengths`, the first fastest. */
function reordered(
  values: NumericArray,
  width: number,
  height: number,
  channels: number,
  [a, b, c]: [number, number, number],
  [numA, numB, numC]: [number, number, number],
): NumericArray {
  if (values.length !== width * height * channels) {
    throw new Error(`it has ${values.length} values for ${width} x ${height} pixels`);
  }
  const result = new (values.constructor as new (length: number) => NumericArray)(values.length);
  let from = 0;
  for (let k = 0; k < numC; k++) {
    for (let j = 0; j < numB; j++) {
      let to = k * c + j * b;
      for (let i = 0; i < numA; i++, to += a) result[to] = values[from++] as number & bigint;
    }
  }
  return result;
}

/** MATLAB's class as kind and bits, whatever narrower type its values are stored in. */
export function kindOfClass(className: string, values: NumericArray): { kind: NumberKind; bits: number } {
  const kinds: Record<string, NumberKind> = {
    double: 'f8',
    single: 'f4',
    int8: 'i1',
    uint8: 'u1',
    int16: 'i2',
    uint16: 'u2',
    int32: 'i4',
    uint32: 'u4',
    int64: 'i8',
    uint64: 'u8',
    logical: 'u1',
  };
  const kind = kinds[className] ?? kindOfArray(values);
  return { kind, bits: className === 'logical' ? 1 : 8 * Number(kind[1]) };
}

function kindOfArray(values: NumericArray): NumberKind {
  const isFloat = values instanceof Float32Array || values instanceof Float64Array;
  const isSigned = /^(Int|BigInt)/.test(values.constructor.name);
  return `${isFloat ? 'f' : isSigned ? 'i' : 'u'}${values.BYTES_PER_ELEMENT}` as NumberKind;
}
