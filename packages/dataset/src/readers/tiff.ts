/**
 * TIFF by its tags: strips and tiles, chunky and planar, 1 to 64 bits of every number format, both byte and fill orders,
 * predictors, BigTIFF, and stacks of pages. Read here, because libraries believe a file's own sizes, or replace its
 * numbers by what a viewer would show. What every tag claims is held against limits.ts and the bytes that are there.
 */
import type { PixelLimit } from '../limits.ts';
import { type Container, startsWith } from './container.ts';
import { bytesPer, type NumberKind, numbersFrom } from './numbers.ts';
import { plainPicture, type StoredPicture } from './picture.ts';
import type { NumericArray } from './raster.ts';
import { CCITT, checkCompression, decompressed, JPEG } from './tiff-compression.ts';
import { TAG } from './tiff-directory.ts';
import {
  colorsOf,
  isPlainBytes,
  kindOf,
  meaningOf,
  numTiffPages,
  PHOTOMETRIC,
  type TiffLayout,
  tiffLayout,
} from './tiff-layout.ts';
import { undoPredictor } from './tiff-predictor.ts';
import { readPageWithSharp } from './tiff-sharp.ts';
import { unpackBits } from './unpack-bits.ts';

/** Pixels of a tile, which may be larger than the image. */
const MAX_TILE_PIXELS = 2 ** 22;

export const tiff: Container = {
  name: 'tiff',
  title: 'TIFF file',
  extensions: ['.tif', '.tiff'],
  matches: (bytes) => ['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].some((start) => startsWith(bytes, start)),
  numPages: numTiffPages,
  read: (bytes, { page, ...limit }) => readTiff(bytes, page, limit),
  forSharp(bytes, page, limit) {
    const layout = tiffLayout(bytes, page, limit);
    if (!isPlainBytes(layout)) return null;
    return { page: layout.directory.index, bits: layout.bits, isLossy: false, layout };
  },
  lossOf: 'its JPEG compression',
};

/** Reads one of the pages that are pictures of their own. Throws a plain sentence for what cannot be read as it means. */
async function readTiff(bytes: Uint8Array, page: number, limit: PixelLimit): Promise<StoredPicture> {
  const layout = tiffLayout(bytes, page, limit);
  const { width, height, samples, compression, bits } = layout;
  checkCompression(compression);
  const common = {
    ...plainPicture,
    width,
    height,
    orientation: layout.orientation,
    noData: layout.noData,
    page,
    numPages: numTiffPages(bytes),
  } as const;
  if (compression === JPEG || CCITT.has(compression)) {
    return { ...common, ...(await readPageWithSharp(bytes, layout)) };
  }
  const { meaning, numColors } = meaningOf(layout);
  const kind = kindOf(layout);
  const { photometric, extraSamples } = layout;
  return {
    ...common,
    channels: samples,
    values: valuesOf(bytes, layout, kind),
    kind,
    bits,
    meaning,
    numExtra: samples - numColors,
    hasAlpha: samples > numColors && (extraSamples[0] === 1 || extraSamples[0] === 2),
    colors: photometric === PHOTOMETRIC.palette ? colorsOf(layout) : null,
  };
}

interface Parts {
  /** Of one part, in pixels; the last strip has fewer rows. */
  columns: number;
  rows: number;
  across: number;
  down: number;
  planes: number;
  samplesPerPart: number;
  offsets: number[];
  lengths: number[];
}

function partsOf({ directory, width, height, samples, isPlanar, isTiled }: TiffLayout): Parts {
  const number = (tag: number, otherwise: number) => directory.number(tag, otherwise);
  const columns = isTiled ? number(TAG.tileWidth, 0) : width;
  const rows = isTiled ? number(TAG.tileHeight, 0) : Math.min(number(TAG.rowsPerStrip, height), height);
  const maxPixels = isTiled ? Math.max(MAX_TILE_PIXELS, 4 * width * height) : width * height;
  if (!(rows >= 1 && columns >= 1 && rows * columns <= maxPixels)) throw new Error('it is damaged: no rows');
  const [across, down] = [Math.ceil(width / columns), Math.ceil(height / rows)];
  const planes = isPlanar ? samples : 1;
  const numParts = across * down * planes;
  const offsetTag = isTiled ? TAG.tileOffsets : TAG.stripOffsets;
  const lengthTag = isTiled ? TAG.tileByteCounts : TAG.stripByteCounts;
  const numOffsets = directory.count(offsetTag);
  if (numOffsets < numParts) throw new Error(`it is damaged: ${numOffsets} parts of ${numParts}`);
  const offsets = directory.numbers(offsetTag, numParts);
  const lengths = directory.numbers(lengthTag, numParts);
  return { columns, rows, across, down, planes, samplesPerPart: isPlanar ? 1 : samples, offsets, lengths };
}

/** HWC. */
function valuesOf(bytes: Uint8Array, layout: TiffLayout, kind: NumberKind): NumericArray {
  const { width, height, samples, bits, compression, isTiled } = layout;
  const parts = partsOf(layout);
  const { columns, rows, across, down, planes, samplesPerPart } = parts;
  const rowBytes = Math.ceil((columns * samplesPerPart * bits) / 8);
  let result: NumericArray | null = null;
  for (let part = 0; part < across * down * planes; part++) {
    const plane = Math.floor(part / (across * down));
    const [x, y] = [(part % across) * columns, (Math.floor(part / across) % down) * rows];
    const numRows = isTiled ? rows : Math.min(rows, height - y);
    const packed = packedPart(bytes, parts, part, { layout, numBytes: rowBytes * numRows });
    const data = decompressed(packed, compression, rowBytes * numRows);
    const values = numbersOf(data, layout, kind, {
      width: columns * samplesPerPart,
      height: numRows,
      stride: samplesPerPart,
    });
    result ??= new (values.constructor as new (length: number) => NumericArray)(width * height * samples);
    const place = { x, y, width: Math.min(columns, width - x), height: Math.min(numRows, height - y) };
    copyPart(values, result, place, { columns, samplesPerPart, plane, width, samples });
  }
  return result as NumericArray;
}

/** A part as it lies in the file, its bits in the usual order. */
function packedPart(
  bytes: Uint8Array,
  { offsets, lengths }: Parts,
  part: number,
  { layout, numBytes }: { layout: TiffLayout; numBytes: number },
): Uint8Array {
  const start = offsets[part] as number;
  // Old writers leave the lengths out where nothing is compressed.
  const length = lengths[part] ?? (layout.compression === 1 ? numBytes : bytes.length - start);
  if (length === 0 && start === 0)
    throw new Error('a part of it was never written (it is sparse); save it whole');
  const packed = bytes.subarray(start, start + length);
  if (start > bytes.length || packed.length !== length) throw new Error('the file ends early');
  return layout.isBitReversed ? packed.map((byte) => reversedBytes[byte] as number) : packed;
}

const reversedBytes = Uint8Array.from({ length: 256 }, (_, byte) => {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) reversed |= 128 >> bit;
  return reversed;
});

function numbersOf(
  data: Uint8Array,
  { bits, predictor, directory }: TiffLayout,
  kind: NumberKind,
  rows: { width: number; height: number; stride: number },
): NumericArray {
  const { littleEndian } = directory.file;
  if (bits % 8 !== 0) {
    if (predictor !== 1) throw new Error(`it has a predictor for values of ${bits} bits, which is not read`);
    return unpackBits(data, { ...rows, bits });
  }
  if (predictor === 1) return numbersFrom(data, kind, littleEndian);
  return undoPredictor(data, kind, predictor, { ...rows, bytes: bytesPer(kind), littleEndian });
}

/** Copies what of a part lies in the picture to its place. */
function copyPart(
  values: NumericArray,
  result: NumericArray,
  place: { x: number; y: number; width: number; height: number },
  {
    columns,
    samplesPerPart,
    plane,
    width,
    samples,
  }: { columns: number; samplesPerPart: number; plane: number; width: number; samples: number },
): void {
  for (let row = 0; row < place.height; row++) {
    const from = row * columns * samplesPerPart;
    const to = ((place.y + row) * width + place.x) * samples + plane;
    if (samplesPerPart === samples) {
      result.set(values.subarray(from, from + place.width * samples) as never, to);
    } else {
      for (let x = 0; x < place.width; x++) result[to + x * samples] = values[from + x] as number & bigint;
    }
  }
}
