/** Writes MATLAB level 5 files as Clothing Co-Parsing has them: a double matrix stored as uint8, and a row of strings. */
import { deflateSync } from 'node:zlib';

const MI = { int8: 1, uint8: 2, int32: 5, uint32: 6, uint16: 4, matrix: 14, compressed: 15 };
const CLASS = { cell: 1, char: 4, double: 6 };

/** A file with one variable; labels HW become an h x w matrix. */
export function matWithMask(name: string, labels: Uint8Array, width: number, height: number): Uint8Array {
  const columns = Buffer.alloc(labels.length);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) columns[x * height + y] = labels[at] as number;
  }
  return file(array(CLASS.double, [height, width], name, [element(MI.uint8, columns)]));
}

/** A file with one variable, a 1 x n cell array of strings. */
export function matWithNames(name: string, names: readonly string[]): Uint8Array {
  const cells = names.map((text) =>
    array(CLASS.char, [1, text.length], '', [element(MI.uint16, Buffer.from(text, 'utf16le'))]),
  );
  return file(array(CLASS.cell, [1, names.length], name, cells));
}

function file(variable: Buffer): Uint8Array {
  const header = Buffer.alloc(128, ' ');
  // No date: the same data gives the same bytes.
  header.write('MATLAB 5.0 MAT-file, Platform: unet-fleet, sample set');
  header.fill(0, 116, 124);
  header.writeUInt16LE(0x0100, 124);
  header.write('IM', 126);
  const compressed = deflateSync(variable);
  return Buffer.concat([header, tag(MI.compressed, compressed.length), compressed]);
}

function array(classNumber: number, dims: number[], name: string, content: Buffer[]): Buffer {
  const words = (values: number[]) => {
    const bytes = Buffer.alloc(values.length * 4);
    for (const [i, value] of values.entries()) bytes.writeUInt32LE(value, i * 4);
    return bytes;
  };
  const parts = [
    element(MI.uint32, words([classNumber, 0])),
    element(MI.int32, words(dims)),
    element(MI.int8, Buffer.from(name, 'latin1')),
    ...content,
  ];
  return element(MI.matrix, Buffer.concat(parts));
}

function tag(type: number, numBytes: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(numBytes, 4);
  return bytes;
}

/** Padded to eight bytes. */
function element(type: number, data: Buffer): Buffer {
  return Buffer.concat([tag(type, data.length), data, Buffer.alloc((8 - (data.length % 8)) % 8)]);
}
