/**
 * BMP: indices of 1, 2, 4 and 8 bits, run lengths among them, and colours of 16, 24 and 32 bits. Source: "Bitmap Storage",
 * Windows GDI documentation. Every claim is checked against the bytes that are there.
 */
import { checkPixels, type PixelLimit } from '../limits.ts';
import { type Container, startsWith } from './container.ts';
import { plainPicture, type StoredPicture } from './picture.ts';
import { unpackBits } from './unpack-bits.ts';

const RGB = 0;
const RLE8 = 1;
const RLE4 = 2;
const BITFIELDS = 3;
const ALPHA_BITFIELDS = 6;
const FILE_HEADER_BYTES = 14;
const CORE_HEADER_BYTES = 12;

interface Header {
  width: number;
  height: number;
  /** Rows lie from the bottom to the top, unless the height is negative. */
  isTopDown: boolean;
  bits: number;
  compression: number;
  dataOffset: number;
  headerBytes: number;
  /** Entries of the palette. */
  numColors: number;
}

export const bmp: Container = {
  name: 'bmp',
  title: 'BMP file',
  extensions: ['.bmp', '.dib'],
  matches: (bytes) => startsWith(bytes, 'BM'),
  read: (bytes, limit) => readBmp(bytes, limit),
};

/** Throws a plain sentence where the bytes are no whole BMP. */
function readBmp(bytes: Uint8Array, limit: PixelLimit): StoredPicture {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readHeader(file);
  const { width, height, bits } = header;
  checkPixels(width, height, limit, bytes.length);
  const common = { ...plainPicture, width, height, kind: 'u1' } as const;
  if (bits <= 8) {
    const values = upright(indicesOf(file, header), header, 1);
    return { ...common, channels: 1, values, bits, meaning: 'palette', colors: paletteOf(file, header) };
  }
  const { values, channels } = coloursOf(file, header);
  const numExtra = channels - 3;
  return {
    ...common,
    channels,
    values: upright(values, header, channels),
    bits: 8,
    meaning: 'rgb',
    numExtra,
    hasAlpha: numExtra > 0,
  };
}

function readHeader(file: Buffer): Header {
  if (file.toString('latin1', 0, 2) !== 'BM') throw new Error('it is no BMP file');
  if (file.length < FILE_HEADER_BYTES + CORE_HEADER_BYTES) throw new Error('the file ends early');
  const dataOffset = file.readUInt32LE(10);
  const headerBytes = file.readUInt32LE(FILE_HEADER_BYTES);
  const isCore = headerBytes === CORE_HEADER_BYTES;
  if (!isCore && (headerBytes < 40 || headerBytes > 256)) throw new Error('it is damaged: an unknown header');
  if (FILE_HEADER_BYTES + headerBytes > file.length) throw new Error('the file ends early');
  const width = isCore ? file.readUInt16LE(18) : file.readInt32LE(18);
  const signedHeight = isCore ? file.readUInt16LE(20) : file.readInt32LE(22);
  const bits = file.readUInt16LE(isCore ? 24 : 28);
  const compression = isCore ? RGB : file.readUInt32LE(30);
  const claimed = isCore ? 0 : file.readUInt32LE(46);
  if (![1, 2, 4, 8, 16, 24, 32].includes(bits))
    throw new Error(`it has ${bits} bits per pixel, which no BMP has`);
  const fits =
    compression === RGB ||
    (compression === RLE8 && bits === 8) ||
    (compression === RLE4 && bits === 4) ||
    ([BITFIELDS, ALPHA_BITFIELDS].includes(compression) && (bits === 16 || bits === 32));
  if (!fits)
    throw new Error(
      `its compression is number ${compression}, which is not read; save it without, or as PNG`,
    );
  return {
    width,
    height: Math.abs(signedHeight),
    isTopDown: signedHeight < 0,
    bits,
    compression,
    dataOffset,
    headerBytes,
    numColors: bits > 8 ? 0 : claimed > 0 ? Math.min(claimed, 2 ** bits) : 2 ** bits,
  };
}

/** Red, green, blue of each index; entries are blue, green, red and, but in the oldest headers, an unused byte. */
function paletteOf(file: Buffer, { headerBytes, numColors, dataOffset }: Header): Uint8Array {
  const step = headerBytes === CORE_HEADER_BYTES ? 3 : 4;
  const start = FILE_HEADER_BYTES + headerBytes;
  const end = Math.min(start + step * numColors, Math.max(start, dataOffset), file.length);
  const colors = new Uint8Array(3 * Math.floor((end - start) / step));
  for (let i = 0; i * 3 < colors.length; i++) {
    for (let c = 0; c < 3; c++) colors[3 * i + c] = file[start + step * i + 2 - c] as number;
  }
  if (colors.length === 0) throw new Error('it is damaged: its palette is missing');
  return colors;
}

const rowBytesOf = ({ width, bits }: Header): number => Math.ceil((width * bits) / 32) * 4;

/** The bytes of the rows, in the file's order. */
function rowsOf(file: Buffer, header: Header): Buffer {
  const numBytes = rowBytesOf(header) * header.height;
  // The padding of the last row may be missing.
  const data = file.subarray(header.dataOffset, header.dataOffset + numBytes);
  if (data.length < numBytes - 3) throw new Error('the file ends early');
  return data.length === numBytes ? data : Buffer.concat([data], numBytes);
}

function indicesOf(file: Buffer, header: Header): Uint8Array {
  const { width, height, bits, compression } = header;
  if (compression === RLE8 || compression === RLE4) return runs(file.subarray(header.dataOffset), header);
  const data = rowsOf(file, header);
  const rowBytes = rowBytesOf(header);
  const values = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * rowBytes, (y + 1) * rowBytes);
    values.set(bits === 8 ? row.subarray(0, width) : unpackBits(row, { width, height: 1, bits }), y * width);
  }
  return values;
}

/** Run lengths: a count and a value, or a 0 and the end of a row, of the picture, a jump, or values as they are. */
function runs(data: Buffer, { width, height, bits }: Header): Uint8Array {
  const values = new Uint8Array(width * height);
  const valueAt = (byte: number, i: number) => (bits === 8 ? byte : i % 2 === 0 ? byte >> 4 : byte & 15);
  let [at, x, y] = [0, 0, 0];
  const put = (value: number) => {
    if (x < width && y < height) values[y * width + x] = value;
    x += 1;
  };
  while (y < height) {
    if (at + 2 > data.length) throw new Error('the file ends early');
    const [count, code] = [data[at] as number, data[at + 1] as number];
    at += 2;
    if (count > 0) for (let i = 0; i < count; i++) put(valueAt(code, i));
    else if (code === 0) [x, y] = [0, y + 1];
    else if (code === 1) break;
    else if (code === 2) {
      if (at + 2 > data.length) throw new Error('the file ends early');
      x += data[at] as number;
      y += data[at + 1] as number;
      at += 2;
    } else {
      const numBytes = bits === 8 ? code : Math.ceil(code / 2);
      if (at + numBytes > data.length) throw new Error('the file ends early');
      for (let i = 0; i < code; i++) put(valueAt(data[at + (bits === 8 ? i : i >> 1)] as number, i));
      at += numBytes + (numBytes & 1);
    }
  }
  return values;
}

/** Red, green, blue, and alpha where the file has a mask for it. */
function coloursOf(file: Buffer, header: Header): { values: Uint8Array; channels: number } {
  const { width, height, bits } = header;
  const data = rowsOf(file, header);
  const rowBytes = rowBytesOf(header);
  const fields = bits === 24 ? null : fieldsOf(file, header);
  const channels = fields?.[3] ? 4 : 3;
  const values = new Uint8Array(width * height * channels);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * rowBytes + (x * bits) / 8;
      const pixel = fields === null ? 0 : bits === 16 ? data.readUInt16LE(at) : data.readUInt32LE(at);
      for (let c = 0; c < channels; c++) {
        values[to++] = fields === null ? (data[at + 2 - c] as number) : fieldOf(pixel, fields[c] as number);
      }
    }
  }
  return { values, channels };
}

/** Bit masks of red, green, blue and alpha (0: none). */
function fieldsOf(file: Buffer, { bits, compression, headerBytes }: Header): number[] {
  if (compression === RGB)
    return bits === 16 ? [0x7c00, 0x03e0, 0x001f, 0] : [0xff0000, 0x00ff00, 0x0000ff, 0];
  const numFields = headerBytes >= 56 || compression === ALPHA_BITFIELDS ? 4 : 3;
  if (54 + 4 * numFields > file.length) throw new Error('the file ends early');
  const fields = Array.from({ length: 4 }, (_, i) => (i < numFields ? file.readUInt32LE(54 + 4 * i) : 0));
  if (fields.slice(0, 3).includes(0)) throw new Error('it is damaged: a colour without bits');
  return fields;
}

/** The bits under the mask, spread over 0..255. */
function fieldOf(pixel: number, mask: number): number {
  const lowest = (mask & -mask) >>> 0;
  const highest = mask / lowest;
  const value = ((pixel & mask) >>> 0) / lowest;
  return highest === 255 ? value : Math.floor((value * 255) / highest);
}

function upright(values: Uint8Array, { width, height, isTopDown }: Header, channels: number): Uint8Array {
  if (isTopDown) return values;
  const rowLength = width * channels;
  const result = new Uint8Array(values.length);
  for (let y = 0; y < height; y++) {
    result.set(values.subarray(y * rowLength, (y + 1) * rowLength), (height - 1 - y) * rowLength);
  }
  return result;
}
