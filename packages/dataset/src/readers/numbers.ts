/** Raw numbers in a file, of any width and byte order, as an aligned typed array in the machine's own order. */
import type { NumericArray } from './raster.ts';

/** u = unsigned, i = signed, f = float; the digit is the width in bytes. */
export type NumberKind = 'u1' | 'i1' | 'u2' | 'i2' | 'u4' | 'i4' | 'u8' | 'i8' | 'f2' | 'f4' | 'f8';

export function bytesPer(kind: NumberKind): number {
  return Number(kind[1]);
}

/** Reads all of `bytes`. Throws if its length is no multiple of the width. */
export function numbersFrom(bytes: Uint8Array, kind: NumberKind, littleEndian: boolean): NumericArray {
  const width = bytesPer(kind);
  if (bytes.length % width !== 0) throw new Error('the file ends within a number');
  const copy = Buffer.from(new ArrayBuffer(bytes.length));
  copy.set(bytes);
  if (!littleEndian && width === 2) copy.swap16();
  if (!littleEndian && width === 4) copy.swap32();
  if (!littleEndian && width === 8) copy.swap64();
  const { buffer } = copy;
  switch (kind) {
    case 'u1':
      return new Uint8Array(buffer);
    case 'i1':
      return new Int8Array(buffer);
    case 'u2':
      return new Uint16Array(buffer);
    case 'i2':
      return new Int16Array(buffer);
    case 'u4':
      return new Uint32Array(buffer);
    case 'i4':
      return new Int32Array(buffer);
    case 'u8':
      return new BigUint64Array(buffer);
    case 'i8':
      return new BigInt64Array(buffer);
    case 'f2':
      return Float32Array.from(new Uint16Array(buffer), halfToNumber);
    case 'f4':
      return new Float32Array(buffer);
    case 'f8':
      return new Float64Array(buffer);
  }
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
