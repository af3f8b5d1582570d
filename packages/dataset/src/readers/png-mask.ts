/**
 * PNG index masks: the numbers in the file, never what a viewer would show. sharp replaces palette indices by colours,
 * so fast-png decodes; the chunks are walked first, because it inflates without a bound, accepts missing rows, and
 * takes the last of several headers.
 */
import { inflateSync } from 'node:zlib';
import { decode } from 'fast-png';
import { checkPixels, maxPixelsOf } from '../limits.ts';
import { maskFrom, type RawMask } from './raster.ts';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Chunks that hold pixels; all others (colour profiles, text) cannot change an index and may be bombs of their own. */
const PIXEL_CHUNKS = new Set(['IHDR', 'PLTE', 'IDAT', 'IEND']);

interface Layout {
  width: number;
  height: number;
  depth: number;
  channels: number;
  isInterlaced: boolean;
}

/** Throws a plain sentence where the bytes are no PNG with one index per pixel. */
export function readPngMask(bytes: Uint8Array): RawMask {
  const { layout, pixelChunks, compressed } = walkChunks(bytes);
  const { width, height, depth, channels } = layout;
  checkPixels(width, height, maxPixelsOf(bytes.length));
  if (layout.isInterlaced && depth < 8)
    throw new Error('it is interlaced with less than 8 bits; save it without');
  checkInflated(layout, compressed);
  const { data } = decode(Buffer.concat([SIGNATURE, ...pixelChunks]), { checkCrc: true });
  const values =
    depth < 8 ? unpacked(data as Uint8Array, width, height, depth) : (data as Uint8Array | Uint16Array);
  return maskFrom(channels === 1 ? values : greyOf(values, channels), width, height, 'rows');
}

function walkChunks(bytes: Uint8Array): { layout: Layout; pixelChunks: Buffer[]; compressed: Buffer } {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!file.subarray(0, 8).equals(SIGNATURE)) throw new Error('it is no PNG file');
  const pixelChunks: Buffer[] = [];
  const compressed: Buffer[] = [];
  let numHeaders = 0;
  for (let at = 8; ; ) {
    if (at + 12 > file.length) throw new Error('the file ends early');
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    const end = at + 12 + length;
    if (end > file.length) throw new Error('the file ends early');
    if (PIXEL_CHUNKS.has(type)) pixelChunks.push(file.subarray(at, end));
    if (type === 'IHDR') numHeaders++;
    if (type === 'IDAT') compressed.push(file.subarray(at + 8, end - 4));
    if (type === 'IEND') break;
    at = end;
  }
  const header = pixelChunks[0];
  if (header === undefined || header.toString('latin1', 4, 8) !== 'IHDR' || header.length !== 25) {
    throw new Error('it is damaged: the PNG header is missing');
  }
  if (numHeaders > 1) throw new Error('it is damaged: more than one PNG header');
  return { layout: layoutFrom(header.subarray(8)), pixelChunks, compressed: Buffer.concat(compressed) };
}

function layoutFrom(header: Buffer): Layout {
  const channels = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[header[9] as number];
  const depth = header[8] as number;
  if (channels === undefined || ![1, 2, 4, 8, 16].includes(depth)) {
    throw new Error('it is damaged: an unknown kind of pixel');
  }
  return {
    width: header.readUInt32BE(0),
    height: header.readUInt32BE(4),
    depth,
    channels,
    isInterlaced: header[12] !== 0,
  };
}

/** Inflates natively, bounded, to learn that the pixels are all there. Each row has a filter byte. */
function checkInflated({ width, height, depth, channels, isInterlaced }: Layout, compressed: Buffer): void {
  const numBytes = (Math.ceil((width * depth * channels) / 8) + 1) * height;
  // Interlacing splits rows, so there are more filter bytes, but at most twice the rows and a byte more in each.
  const atMost = isInterlaced ? numBytes + 4 * height + 64 : numBytes;
  const { length } = inflateSync(compressed, { maxOutputLength: atMost });
  if (length < (isInterlaced ? numBytes - height : numBytes)) throw new Error('the file ends early');
}

/** Indices of 1, 2 or 4 bits, packed from the high bits of each byte; every row begins on a byte. */
function unpacked(packed: Uint8Array, width: number, height: number, depth: number): Uint8Array {
  const values = new Uint8Array(width * height);
  const rowBytes = Math.ceil((width * depth) / 8);
  const mask = (1 << depth) - 1;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const bit = x * depth;
      values[at] = ((packed[y * rowBytes + (bit >> 3)] as number) >> (8 - depth - (bit & 7))) & mask;
    }
  }
  return values;
}

/** An index mask that was saved as RGB has three equal channels; anything else is colours. Alpha is left out. */
export function greyOf<T extends Uint8Array | Uint16Array | Float32Array | Float64Array>(
  values: T,
  channels: number,
): T {
  const grey = values.slice(0, values.length / channels) as T;
  for (let i = 0, at = 0; i < grey.length; i++, at += channels) {
    const value = values[at] as number;
    if (channels >= 3 && (value !== values[at + 1] || value !== values[at + 2])) {
      throw new Error('it has colours, not class indices; name its palette file with --palette');
    }
    grey[i] = value;
  }
  return grey;
}
