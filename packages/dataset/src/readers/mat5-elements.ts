/**
 * The data elements that level 5 .mat files are made of: a type, a length, the bytes. Source: "MAT-File Format", The
 * MathWorks. Every length is checked against the bytes that are there.
 */
import type { NumberKind } from './numbers.ts';

export const MI_INT8 = 1;
export const MI_INT32 = 5;
export const MI_UINT32 = 6;
export const MI_MATRIX = 14;
export const MI_COMPRESSED = 15;
export const MI_UTF8 = 16;

export const numberKinds: Record<number, NumberKind> = {
  1: 'i1',
  2: 'u1',
  3: 'i2',
  4: 'u2',
  5: 'i4',
  6: 'u4',
  7: 'f4',
  9: 'f8',
  12: 'i8',
  13: 'u8',
};
/** miUTF8, miUTF16 and miUTF32 code units, read as numbers. */
export const textKinds: Record<number, NumberKind> = { ...numberKinds, 16: 'u1', 17: 'u2', 18: 'u4' };

/** Array classes by their number in the file. */
export const classNames = [
  '',
  'cell',
  'struct',
  'object',
  'char',
  'sparse',
  'double',
  'single',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'function handle',
  'opaque',
];

export interface Element {
  type: number;
  data: Uint8Array;
}

/** Walks the data elements of a byte range; every read is checked against its end. */
export class Elements {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  readonly littleEndian: boolean;
  private offset = 0;

  constructor(bytes: Uint8Array, littleEndian: boolean) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.littleEndian = littleEndian;
  }

  get atEnd(): boolean {
    return this.offset >= this.bytes.length;
  }

  next(): Element {
    if (this.offset + 8 > this.bytes.length) throw new Error('the file ends early');
    const word = this.view.getUint32(this.offset, this.littleEndian);
    const smallLength = word >>> 16;
    if (smallLength !== 0) {
      if (smallLength > 4) throw new Error('it is damaged: a small data element of more than 4 bytes');
      const data = this.bytes.subarray(this.offset + 4, this.offset + 4 + smallLength);
      this.offset += 8;
      return { type: word & 0xffff, data };
    }
    const length = this.view.getUint32(this.offset + 4, this.littleEndian);
    const start = this.offset + 8;
    if (start + length > this.bytes.length) throw new Error('the file ends early');
    this.offset = start + (word === MI_COMPRESSED ? length : Math.ceil(length / 8) * 8);
    return { type: word, data: this.bytes.subarray(start, start + length) };
  }
}
