/**
 * TIFF index masks: 1, 8 or 16 bit integers or floats, one page, uncompressed, LZW or deflate, palette indices kept.
 * The library believes a file's own sizes, so they are read and checked first.
 */
import { inflateSync } from 'node:zlib';
import sharp from 'sharp';
import { decode, type TiffIfd } from 'tiff';
import { checkPixels, maxPixelsOf } from '../limits.ts';
import { greyOf } from './png-mask.ts';
import { maskFrom, type RawMask } from './raster.ts';

const DEFLATE = new Set([8, 32946]);
const LZW = 5;
/** Size, bits, compression, meaning, orientation, strips, samples, predictor, palette, tiles, alpha, number format. */
const NEEDED_TAGS = new Set([
  256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339,
]);
const MAX_SAMPLES = 4;
/** Pixels of a tile, which may be larger than the image. */
const MAX_TILE_PIXELS = 2 ** 22;
const BYTES_PER_VALUE = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8];

/** Throws a plain sentence where the bytes are no TIFF with one index per pixel. */
export async function readTiffMask(bytes: Uint8Array): Promise<RawMask> {
  const file = withNeededTags(bytes);
  const [ifd] = decode(file, { ignoreImageData: true, pages: [0] });
  if (ifd === undefined) throw new Error('it has no image');
  if ((ifd.bitsPerSample ?? 1) === 1) return readBits(bytes);
  checkStrips(ifd, bytes);
  const [image] = decode(file, { pages: [0] });
  const { data, width, height, samplesPerPixel } = image as TiffIfd;
  // The library leaves whatever an absent strip would have filled at 0.
  return maskFrom(samplesPerPixel === 1 ? data : greyOf(data, samplesPerPixel), width, height, 'rows');
}

/** One bit per pixel, which the library does not expect to be left unsaid; here a palette cannot interfere. */
async function readBits(bytes: Uint8Array): Promise<RawMask> {
  const image = sharp(bytes, { failOn: 'error', limitInputPixels: maxPixelsOf(bytes.length) })
    .toColourspace('b-w')
    .raw();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  if (info.channels !== 1) throw new Error('it has several channels of one bit');
  return maskFrom(
    data.map((value) => (value === 0 ? 0 : 1)),
    info.width,
    info.height,
    'rows',
  );
}

/**
 * A copy of the file in which the library finds only the tags that pixels need, each once and with its values in the
 * file: it would follow all others, to directories that contain themselves and values of any claimed count.
 */
function withNeededTags(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const view = new DataView(copy.buffer);
  const order = bytes.length < 8 ? 0 : view.getUint16(0);
  const littleEndian = order === 0x4949;
  if ((!littleEndian && order !== 0x4d4d) || view.getUint16(2, littleEndian) !== 42) {
    throw new Error('it is no TIFF file');
  }
  const start = view.getUint32(4, littleEndian);
  const numEntries = view.getUint16(start, littleEndian);
  const seen = new Set<number>();
  for (let i = 0; i < numEntries; i++) {
    const entry = start + 2 + 12 * i;
    const tag = view.getUint16(entry, littleEndian);
    if (!NEEDED_TAGS.has(tag)) {
      // A type that there is none of: the library passes over it.
      view.setUint16(entry + 2, 0, littleEndian);
      continue;
    }
    if (seen.has(tag)) throw new Error(`it is damaged: tag ${tag} is there twice`);
    seen.add(tag);
    const numBytes =
      (BYTES_PER_VALUE[view.getUint16(entry + 2, littleEndian)] ?? 0) *
      view.getUint32(entry + 4, littleEndian);
    const end = numBytes > 4 ? view.getUint32(entry + 8, littleEndian) + numBytes : 0;
    if (end > bytes.length) throw new Error('the file ends early');
  }
  return copy;
}

function listOf(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  return value === undefined ? [] : Array.from(value as ArrayLike<number>);
}

/** Checks the image's size, that its parts cover it, lie in the file, and inflate to no more than they should. */
function checkStrips(ifd: TiffIfd, bytes: Uint8Array): void {
  const { width, height } = ifd;
  checkPixels(width, height, maxPixelsOf(bytes.length));
  if (!Number.isInteger(ifd.type)) throw new Error('it is damaged: it does not say what its values mean');
  const samples = ifd.samplesPerPixel;
  if (!(samples >= 1 && samples <= MAX_SAMPLES)) throw new Error(`it has ${samples} values per pixel`);
  if (![8, 16, 32, 64].includes(ifd.bitsPerSample))
    throw new Error('it is damaged: an unknown kind of pixel');
  if (ifd.tiled && samples > 1) throw new Error('it has tiles of several channels; save it in strips');
  const rows = ifd.tiled ? (ifd.tileHeight ?? 0) : Math.min(ifd.rowsPerStrip, height);
  const columns = ifd.tiled ? (ifd.tileWidth ?? 0) : width;
  const maxPixels = ifd.tiled ? Math.max(MAX_TILE_PIXELS, 4 * width * height) : width * height;
  if (!(rows >= 1 && columns >= 1 && rows * columns <= maxPixels)) throw new Error('it is damaged: no rows');
  const numParts = Math.ceil(height / rows) * Math.ceil(width / columns);
  const offsets = listOf(ifd.get(ifd.tiled ? 'TileOffsets' : 'StripOffsets'));
  const lengths = listOf(ifd.get(ifd.tiled ? 'TileByteCounts' : 'StripByteCounts'));
  if (offsets.length !== numParts || lengths.length !== numParts) {
    throw new Error(`it is damaged: ${offsets.length} parts of ${numParts}`);
  }
  const partBytes = Math.ceil((columns * samples * ifd.bitsPerSample) / 8) * rows;
  for (let i = 0; i < numParts; i++) {
    const part = bytes.subarray(offsets[i], (offsets[i] as number) + (lengths[i] as number));
    if (part.length !== lengths[i]) throw new Error('the file ends early');
    if (DEFLATE.has(ifd.compression)) inflateSync(part, { maxOutputLength: partBytes + 64 });
    if (ifd.compression === LZW) checkLzw(part, partBytes + 64);
  }
}

/** Follows the codes of an LZW part without writing what they stand for, and throws where that exceeds `limit`. */
function checkLzw(part: Uint8Array, limit: number): void {
  const lengths = new Uint16Array(4096).fill(1, 0, 256);
  let next = 258;
  let width = 9;
  let previous = 0;
  let numBytes = 0;
  for (let bit = 0; bit + width <= part.length * 8; ) {
    const at = bit >> 3;
    const word = ((part[at] as number) << 16) | ((part[at + 1] ?? 0) << 8) | (part[at + 2] ?? 0);
    const code = (word >> (24 - (bit & 7) - width)) & ((1 << width) - 1);
    bit += width;
    if (code === 257) return;
    if (code === 256) {
      next = 258;
      width = 9;
      previous = 0;
      continue;
    }
    if (code > next || (code === next && previous === 0)) throw new Error('its compressed data is damaged');
    const length = code < next ? (lengths[code] as number) : previous + 1;
    if (previous > 0 && next < 4096) lengths[next++] = previous + 1;
    if (next === 511 || next === 1023 || next === 2047) width += 1;
    previous = length;
    numBytes += length;
    if (numBytes > limit) throw new Error('its compressed data is larger than its header says');
  }
}
