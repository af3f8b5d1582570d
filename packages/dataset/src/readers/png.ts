/**
 * PNG: the numbers in the file, never what a viewer would show, of all kinds and depths, interlaced or not. The chunks
 * are walked and the pixels inflated within what the header claims; libraries inflate without a bound, accept missing
 * rows, or take the last of several headers. Source: W3C, Portable Network Graphics, 3rd edition.
 */
import { crc32 } from 'node:zlib';
import { checkPixels, type PixelLimit } from '../limits.ts';
import { type Container, startsWith } from './container.ts';
import { exifOrientation } from './exif.ts';
import { inflateWithin } from './inflate.ts';
import { plainPicture, type StoredPicture } from './picture.ts';
import { checkStill } from './sharp-picture.ts';
import { unpackBits } from './unpack-bits.ts';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

interface Layout {
  width: number;
  height: number;
  depth: number;
  colorType: 0 | 2 | 3 | 4 | 6;
  channels: number;
  isInterlaced: boolean;
}

interface Chunks {
  layout: Layout;
  compressed: Buffer;
  palette: Buffer | null;
  exif: Buffer | null;
}

const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 } as const;
const DEPTHS = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] } as const;
/** Adam7: where each pass begins and how far apart its pixels are, in x and y. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

export const png: Container = {
  name: 'png',
  title: 'PNG file',
  extensions: ['.png'],
  matches: (bytes) => startsWith(bytes, '\x89PNG\r\n\x1a\n'),
  read: (bytes, limit) => readPng(bytes, limit),
  forSharp(bytes) {
    checkPngStill(bytes);
    const bits = pngDepth(bytes);
    return bits <= 8 ? { page: 0, bits, isLossy: false, layout: null } : null;
  },
};

/** Throws a plain sentence where the bytes are no whole PNG. */
function readPng(bytes: Uint8Array, limit: PixelLimit): StoredPicture {
  const { layout, compressed, palette, exif } = walkChunks(bytes);
  const { width, height, depth, channels, colorType } = layout;
  checkPixels(width, height, limit, bytes.length);
  const meaning = colorType === 3 ? 'palette' : colorType === 0 || colorType === 4 ? 'grey' : 'rgb';
  if (meaning === 'palette' && palette === null) throw new Error('it is damaged: its palette is missing');
  const hasAlpha = colorType >= 4;
  return {
    ...plainPicture,
    width,
    height,
    channels,
    values: pixelsOf(layout, compressed),
    kind: depth === 16 ? 'u2' : 'u1',
    bits: depth,
    meaning,
    hasAlpha,
    numExtra: hasAlpha ? 1 : 0,
    colors: meaning === 'palette' ? Uint8Array.from(palette as Buffer) : null,
    orientation: exif === null ? 1 : exifOrientation(exif),
  };
}

/** Bits of a value, from the header alone: photos of up to 8 bits are sharp's. Throws where there is no header. */
function pngDepth(bytes: Uint8Array): number {
  const depth = bytes[24];
  if (bytes.length < 33 || depth === undefined) throw new Error('the file ends early');
  return depth;
}

/** Throws a plain sentence for an animation; what the rest of the file is, its decoder says. */
function checkPngStill(bytes: Uint8Array): void {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= file.length; at += 12 + file.readUInt32BE(at)) {
    const type = file.toString('latin1', at + 4, at + 8);
    if (type === 'acTL') checkStill(file.readUInt32BE(at + 8));
    if (type === 'IDAT') return;
  }
}

function walkChunks(bytes: Uint8Array): Chunks {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!file.subarray(0, 8).equals(SIGNATURE)) throw new Error('it is no PNG file');
  const compressed: Buffer[] = [];
  let layout: Layout | null = null;
  let palette: Buffer | null = null;
  let exif: Buffer | null = null;
  for (let at = 8; ; ) {
    if (at + 12 > file.length) throw new Error('the file ends early');
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    const end = at + 12 + length;
    if (end > file.length) throw new Error('the file ends early');
    const data = file.subarray(at + 8, end - 4);
    if (layout === null && type !== 'IHDR') throw new Error('it is damaged: the PNG header is missing');
    if (
      ['IHDR', 'PLTE', 'IDAT'].includes(type) &&
      crc32(file.subarray(at + 4, end - 4)) !== file.readUInt32BE(end - 4)
    ) {
      throw new Error(`it is damaged: the checksum of its chunk ${type} is wrong`);
    }
    if (type === 'IHDR' && layout !== null) throw new Error('it is damaged: more than one PNG header');
    if (type === 'IHDR') layout = layoutFrom(data);
    if (type === 'PLTE') palette = checkedPalette(data);
    if (type === 'eXIf') exif = data;
    if (type === 'acTL' && data.length >= 4) checkStill(data.readUInt32BE(0));
    if (type === 'IDAT') compressed.push(data);
    if (type === 'IEND') break;
    at = end;
  }
  return { layout: layout as Layout, compressed: Buffer.concat(compressed), palette, exif };
}

function checkedPalette(data: Buffer): Buffer {
  if (data.length === 0 || data.length % 3 !== 0 || data.length > 768) {
    throw new Error(`it is damaged: a palette of ${data.length} bytes`);
  }
  return data;
}

function layoutFrom(header: Buffer): Layout {
  if (header.length !== 13) throw new Error('it is damaged: the PNG header is missing');
  const colorType = header[9] as Layout['colorType'];
  const depth = header[8] as number;
  const channels = CHANNELS[colorType];
  const interlace = header[12] as number;
  if (channels === undefined || !(DEPTHS[colorType] as readonly number[]).includes(depth) || interlace > 1) {
    throw new Error('it is damaged: an unknown kind of pixel');
  }
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  return { width, height, depth, colorType, channels, isInterlaced: interlace === 1 };
}

interface Pass {
  width: number;
  height: number;
  /** Where its pixels go: x = x0 + i * dx, y = y0 + j * dy. */
  x0: number;
  y0: number;
  dx: number;
  dy: number;
}

function passesOf({ width, height, isInterlaced }: Layout): Pass[] {
  if (!isInterlaced) return [{ width, height, x0: 0, y0: 0, dx: 1, dy: 1 }];
  return PASSES.map(([x0, y0, dx, dy]) => ({
    width: Math.ceil((width - x0) / dx),
    height: Math.ceil((height - y0) / dy),
    x0,
    y0,
    dx,
    dy,
  })).filter((pass) => pass.width > 0 && pass.height > 0);
}

/** HWC values; inflated natively within what the passes need: each row has a byte for its filter. */
function pixelsOf(layout: Layout, compressed: Buffer): Uint8Array | Uint16Array {
  const { width, height, depth, channels } = layout;
  const bitsPerPixel = depth * channels;
  const passes = passesOf(layout);
  const bytesOf = (pass: Pass) => (Math.ceil((pass.width * bitsPerPixel) / 8) + 1) * pass.height;
  const numBytes = passes.reduce((sum, pass) => sum + bytesOf(pass), 0);
  const inflated = inflateWithin(compressed, numBytes);
  if (inflated.length < numBytes) throw new Error('the file ends early');
  const result = new (depth === 16 ? Uint16Array : Uint8Array)(width * height * channels);
  let at = 0;
  for (const pass of passes) {
    const part = inflated.subarray(at, at + bytesOf(pass));
    at += part.length;
    const rowBytes = Math.ceil((pass.width * bitsPerPixel) / 8);
    const rows = unfiltered(part, rowBytes, pass.height, Math.max(1, bitsPerPixel >> 3));
    const values = valuesOf(rows, pass, layout);
    if (!layout.isInterlaced) return values;
    scatter(values, result, pass, width, channels);
  }
  return result;
}

function valuesOf(
  rows: Buffer,
  { width, height }: Pass,
  { depth, channels }: Layout,
): Uint8Array | Uint16Array {
  if (depth === 8) return new Uint8Array(rows.buffer, rows.byteOffset, rows.length);
  if (depth < 8) return unpackBits(rows, { width: width * channels, height, bits: depth });
  const values = new Uint16Array(rows.length / 2);
  for (let i = 0; i < values.length; i++)
    values[i] = ((rows[2 * i] as number) << 8) | (rows[2 * i + 1] as number);
  return values;
}

function scatter(
  values: Uint8Array | Uint16Array,
  result: Uint8Array | Uint16Array,
  { width, height, x0, y0, dx, dy }: Pass,
  fullWidth: number,
  channels: number,
): void {
  for (let j = 0, from = 0; j < height; j++) {
    for (let i = 0; i < width; i++) {
      const to = ((y0 + j * dy) * fullWidth + x0 + i * dx) * channels;
      for (let c = 0; c < channels; c++) result[to + c] = values[from++] as number;
    }
  }
}

/** The rows without their filter bytes. `step`: bytes from a value to the same one of the pixel at its left. */
function unfiltered(part: Buffer, rowBytes: number, height: number, step: number): Buffer {
  const rows = Buffer.alloc(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const filter = part[y * (rowBytes + 1)] as number;
    const source = y * (rowBytes + 1) + 1;
    const start = y * rowBytes;
    if (filter > 4) throw new Error(`it is damaged: row filter ${filter}`);
    part.copy(rows, start, source, source + rowBytes);
    if (filter === 1) addLeft(rows, start, rowBytes, step);
    // Above the first row there are zeros, so that Paeth predicts what is at the left.
    else if (filter === 4 && y === 0) addLeft(rows, start, rowBytes, step);
    else if (filter === 2 && y > 0) addAbove(rows, start, rowBytes);
    else if (filter === 3) addMean(rows, start, rowBytes, step, y > 0);
    else if (filter === 4) addPaeth(rows, start, rowBytes, step);
  }
  return rows;
}

function addLeft(rows: Buffer, start: number, rowBytes: number, step: number): void {
  const end = start + rowBytes;
  for (let at = start + step; at < end; at++) rows[at] = (rows[at] as number) + (rows[at - step] as number);
}

function addAbove(rows: Buffer, start: number, rowBytes: number): void {
  const end = start + rowBytes;
  for (let at = start; at < end; at++) rows[at] = (rows[at] as number) + (rows[at - rowBytes] as number);
}

function addMean(rows: Buffer, start: number, rowBytes: number, step: number, hasAbove: boolean): void {
  for (let i = 0; i < rowBytes; i++) {
    const at = start + i;
    const left = i >= step ? (rows[at - step] as number) : 0;
    const up = hasAbove ? (rows[at - rowBytes] as number) : 0;
    rows[at] = (rows[at] as number) + ((left + up) >> 1);
  }
}

function addPaeth(rows: Buffer, start: number, rowBytes: number, step: number): void {
  for (let i = 0; i < rowBytes; i++) {
    const at = start + i;
    const up = rows[at - rowBytes] as number;
    const left = i >= step ? (rows[at - step] as number) : 0;
    const upLeft = i >= step ? (rows[at - rowBytes - step] as number) : 0;
    // In masks most pixels are as those around them.
    const predicted = left === upLeft ? up : up === upLeft ? left : paeth(left, up, upLeft);
    rows[at] = (rows[at] as number) + predicted;
  }
}

function paeth(left: number, up: number, upLeft: number): number {
  const estimate = left + up - upLeft;
  const toLeft = Math.abs(estimate - left);
  const toUp = Math.abs(estimate - up);
  const toUpLeft = Math.abs(estimate - upLeft);
  if (toLeft <= toUp && toLeft <= toUpLeft) return left;
  return toUp <= toUpLeft ? up : upLeft;
}
