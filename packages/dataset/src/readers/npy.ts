/**
 * NumPy's .npy, versions 1 to 3: any bool, integer or float array of height x width, or of channels besides; C or Fortran
 * order, either byte order. Source: numpy.lib.format. The only npm readers are unkept, and the format is one header and
 * raw numbers.
 */
import { checkPixels, type PixelLimit } from '../limits.ts';
import { type ArrayShape, arrayPicture, fromColumns, fromPlanes, shapeOf } from './array-picture.ts';
import { type Container, startsWith } from './container.ts';
import { bytesPer, type NumberKind, numbersFrom } from './numbers.ts';
import type { StoredPicture } from './picture.ts';

/** NumPy itself reads headers of up to 10,000 bytes, and arrays of up to 64 dimensions. */
const MAX_HEADER_BYTES = 2 ** 16;
const MAX_DIMENSIONS = 64;

export const npy: Container = {
  name: 'npy',
  title: '.npy file',
  extensions: ['.npy'],
  matches: (bytes) => startsWith(bytes, '\x93NUMPY'),
  read: (bytes, limit) => readNpy(bytes, limit),
  isArray: true,
};

/** Throws a plain sentence where the bytes are no such array. */
function readNpy(bytes: Uint8Array, limit: PixelLimit): StoredPicture {
  const { header, dataOffset } = splitHeader(bytes);
  const { kind, bits, littleEndian } = parseDescr(header);
  const isFortran = /'fortran_order'\s*:\s*True/.test(header);
  const { width, height, channels, isPlanar } = parseShape(header);
  const numBytes = height * width * channels * bytesPer(kind);
  const data = bytes.subarray(dataOffset);
  if (data.length < numBytes) {
    throw new Error(
      `the file ends early: its header promises ${numBytes} bytes of data, it has ${data.length}`,
    );
  }
  checkPixels(width, height, limit);
  const stored = numbersFrom(data.subarray(0, numBytes), kind, littleEndian);
  const size = { width, height, channels };
  // The dimensions in reverse order are an array of the other order: (C, H, W) by columns is W, H, C by rows.
  const values = isFortran
    ? fromColumns(stored, size, isPlanar)
    : isPlanar
      ? fromPlanes(stored, size)
      : stored;
  return arrayPicture({ ...size, values, kind, bits });
}

function splitHeader(bytes: Uint8Array): { header: string; dataOffset: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 10 || view.getUint32(0) !== 0x934e554d || view.getUint16(4) !== 0x5059) {
    throw new Error('it is no .npy file');
  }
  const isWide = (bytes[6] as number) >= 2;
  const start = isWide ? 12 : 10;
  const length = isWide ? view.getUint32(8, true) : view.getUint16(8, true);
  if (length > MAX_HEADER_BYTES) throw new Error(`it is damaged: a header of ${length} bytes`);
  if (start + length > bytes.length) throw new Error('the file ends early, within its header');
  return {
    header: Buffer.from(bytes.subarray(start, start + length)).toString('latin1'),
    dataOffset: start + length,
  };
}

function parseDescr(header: string): { kind: NumberKind; bits: number; littleEndian: boolean } {
  const descr = /'descr'\s*:\s*'([<>|=]?)([a-zA-Z]\d+)'/.exec(header);
  const isBool = descr?.[2] === 'b1';
  const name = descr?.[2]?.replace('b1', 'u1') ?? '';
  if (!/^([ui][1248]|f[248])$/.test(name)) {
    const found = /'descr'\s*:\s*([^,}]*)/.exec(header)?.[1]?.trim() ?? 'nothing';
    throw new Error(`its type is ${found}, where a bool, integer or float array is needed`);
  }
  const kind = name as NumberKind;
  return { kind, bits: isBool ? 1 : 8 * bytesPer(kind), littleEndian: descr?.[1] !== '>' };
}

/** Dimensions of 1 beside two others are dropped, as in (1, h, w). */
function parseShape(header: string): ArrayShape {
  const text = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (text === undefined) throw new Error('its header has no shape');
  const dims = text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  if (dims.length > MAX_DIMENSIONS) throw new Error(`it is damaged: ${dims.length} dimensions`);
  if (!dims.every(Number.isSafeInteger)) throw new Error('it is damaged: its shape is no list of numbers');
  return shapeOf(dims, `its shape is (${text.trim()})`);
}
