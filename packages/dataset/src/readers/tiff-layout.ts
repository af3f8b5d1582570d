/** What the tags of a TIFF page say of its pixels: their layout, number format and meaning, held against limits.ts. */
import { checkPixels, maxPixelsOf, type PixelLimit } from '../limits.ts';
import { checkedOrientation } from './exif.ts';
import type { NumberKind } from './numbers.ts';
import type { Meaning } from './picture.ts';
import { TAG, type TiffDirectory, TiffFile } from './tiff-directory.ts';

/** Channels of one picture; hyperspectral sets have hundreds. */
const MAX_SAMPLES = 1024;

const FORMATS = { unsigned: 1, signed: 2, float: 3, undefined: 4 } as const;

export const PHOTOMETRIC = {
  whiteIsZero: 0,
  blackIsZero: 1,
  rgb: 2,
  palette: 3,
  mask: 4,
  cmyk: 5,
  ycbcr: 6,
} as const;
const photometricNames: Record<number, string> = {
  5: 'CMYK',
  6: 'YCbCr',
  8: 'CIE Lab',
  9: 'ICC Lab',
  10: 'ITU Lab',
  32803: 'a camera sensor (raw)',
  32844: 'LogL',
  32845: 'LogLuv',
  34892: 'a camera sensor (raw)',
};

/** What the tags of one page say of its pixels. */
export interface TiffLayout {
  directory: TiffDirectory;
  width: number;
  height: number;
  samples: number;
  bits: number;
  format: number;
  compression: number;
  photometric: number;
  isPlanar: boolean;
  isTiled: boolean;
  predictor: number;
  isBitReversed: boolean;
  orientation: number;
  extraSamples: number[];
  /** The value of pixels without data; null where none is said. */
  noData: number | null;
}

/** The scan reads all pages of one file one after the other. */
const pagesOf = new WeakMap<Uint8Array, TiffDirectory[]>();

function pagesIn(bytes: Uint8Array): TiffDirectory[] {
  const known = pagesOf.get(bytes);
  if (known !== undefined) return known;
  const directories = new TiffFile(bytes).directories();
  const pages = directories.filter(({ isPage }) => isPage);
  // A file of nothing but reduced pictures means them.
  const found = pages.length > 0 ? pages : directories.slice(0, 1);
  pagesOf.set(bytes, found);
  return found;
}

export function numTiffPages(bytes: Uint8Array): number {
  return pagesIn(bytes).length;
}

/** Throws a plain sentence where the tags contradict each other, the file or what is read. */
export function tiffLayout(bytes: Uint8Array, page: number, limit: PixelLimit): TiffLayout {
  const pages = pagesIn(bytes);
  const directory = pages[page];
  if (directory === undefined) throw new Error(`it has ${pages.length} pages, and page ${page} is asked for`);
  const number = (tag: number, otherwise: number) => directory.number(tag, otherwise);
  const [width, height] = [number(TAG.width, 0), number(TAG.height, 0)];
  checkPixels(width, height, limit, bytes.length);
  const samples = number(TAG.samplesPerPixel, 1);
  const maxValues = 4 * maxPixelsOf(bytes.length, limit);
  if (!(samples >= 1 && samples <= MAX_SAMPLES && width * height * samples <= maxValues)) {
    throw new Error(`it has ${samples} values per pixel`);
  }
  if (directory.count(TAG.photometric) === 0) {
    throw new Error('it is damaged: it does not say what its values mean');
  }
  const bits = sameOf(directory, TAG.bitsPerSample, samples, 1, 'bits');
  const format = sameOf(directory, TAG.sampleFormat, samples, FORMATS.unsigned, 'number formats');
  const photometric = number(TAG.photometric, PHOTOMETRIC.blackIsZero);
  checkOneDirectoryStack(directory, pages.length);
  return {
    directory,
    width,
    height,
    samples,
    bits,
    format,
    compression: number(TAG.compression, 1),
    photometric,
    isPlanar: samples > 1 && number(TAG.planarConfiguration, 1) === 2,
    isTiled: directory.count(TAG.tileWidth) > 0,
    predictor: number(TAG.predictor, 1),
    isBitReversed: number(TAG.fillOrder, 1) === 2,
    orientation: checkedOrientation(number(TAG.orientation, 1)),
    extraSamples: directory.numbers(TAG.extraSamples, samples),
    noData: noDataOf(directory),
  };
}

function noDataOf(directory: TiffDirectory): number | null {
  const text = directory.text(TAG.noData, 64).replaceAll('\0', '').trim();
  if (/^[-+]?nan$/i.test(text)) return Number.NaN;
  return text === '' || Number.isNaN(Number(text)) ? null : Number(text);
}

/** A number that every channel has alike. */
function sameOf(
  directory: TiffDirectory,
  tag: number,
  samples: number,
  otherwise: number,
  what: string,
): number {
  const values = directory.numbers(tag, samples);
  const [first = otherwise] = values;
  if (values.some((value) => value !== first)) {
    throw new Error(
      `its channels have different ${what} (${values.slice(0, 8).join(', ')}); save it with the same for all`,
    );
  }
  return first;
}

/** ImageJ writes large stacks, and some programs small ones, with one directory for all pages. */
function checkOneDirectoryStack(directory: TiffDirectory, numPages: number): void {
  const text = directory.text(TAG.description, 4096);
  const numImages = Number(/^ImageJ=[^\n]*\n(?:.*\n)*?images=(\d{1,9})/.exec(text)?.[1] ?? 1);
  if (numPages === 1 && numImages > 1) {
    throw new Error(
      `it is a stack of ${numImages} pictures with one directory, of which only the first could be read; save each as a file of its own`,
    );
  }
}

/** What the samples are, and how many of them; the rest are extra. */
export function meaningOf({ photometric, samples, extraSamples }: TiffLayout): {
  meaning: Meaning;
  numColors: number;
} {
  const name = photometricNames[photometric];
  if (name !== undefined) {
    throw new Error(`its values are colours of the kind ${name}, which are not read; save it as RGB or grey`);
  }
  if (photometric === PHOTOMETRIC.rgb) {
    if (samples < 3) throw new Error(`it is damaged: RGB of ${samples} channels`);
    return { meaning: 'rgb', numColors: 3 };
  }
  if (photometric === PHOTOMETRIC.palette) {
    return { meaning: 'palette', numColors: 1 };
  }
  const numColors = Math.max(1, samples - extraSamples.length);
  if (numColors > 1) return { meaning: 'bands', numColors };
  // Extra samples that are no transparency are channels like the first: programs mark all but one so.
  if (samples > 1 && extraSamples[0] !== 1 && extraSamples[0] !== 2)
    return { meaning: 'bands', numColors: samples };
  return { meaning: photometric === PHOTOMETRIC.whiteIsZero ? 'inverted' : 'grey', numColors: 1 };
}

export function kindOf({ bits, format }: TiffLayout): NumberKind {
  const isFloat = format === FORMATS.float;
  const isSigned = format === FORMATS.signed;
  if (![FORMATS.unsigned, FORMATS.signed, FORMATS.float, FORMATS.undefined].includes(format as 1)) {
    throw new Error(
      `its values are of the number format ${format} (complex numbers have 5 and 6), which are not read; save them as whole numbers or floats`,
    );
  }
  if (isFloat && ![16, 32, 64].includes(bits))
    throw new Error(`it has floats of ${bits} bits, which are not read`);
  if (isFloat) return `f${bits / 8}` as NumberKind;
  if ([8, 16, 32, 64].includes(bits)) return `${isSigned ? 'i' : 'u'}${bits / 8}` as NumberKind;
  if (!isSigned && bits >= 1 && bits < 8) return 'u1';
  if (!isSigned && bits > 8 && bits < 16) return 'u2';
  throw new Error(
    `it has ${isSigned ? 'signed ' : ''}values of ${bits} bits, which are not read; save it with 8, 16 or 32`,
  );
}

/** The colour of each index, 0..255: all reds come first, then all greens, each of 16 bits. */
export function colorsOf({ directory, bits }: TiffLayout): Uint8Array {
  const numColors = 2 ** Math.min(16, bits);
  const map = directory.numbers(TAG.colorMap, 3 * numColors);
  if (map.length < 3 * numColors) throw new Error('it is damaged: its palette is missing');
  // Some writers fill in 8 bits.
  const shift = map.some((value) => value > 255) ? 8 : 0;
  return Uint8Array.from(
    { length: 3 * numColors },
    (_, i) => (map[(i % 3) * numColors + Math.floor(i / 3)] as number) >> shift,
  );
}

/**
 * Whether the page is what every viewer reads alike: whole bytes of grey, colours or a palette (or single bits), so that
 * the library for photos decodes it as its tags mean.
 */
export function isPlainBytes(layout: TiffLayout): boolean {
  const { bits, samples, format, photometric, isBitReversed, extraSamples, noData } = layout;
  if (isBitReversed || (format !== FORMATS.unsigned && format !== FORMATS.undefined)) return false;
  const isGrey = photometric === PHOTOMETRIC.blackIsZero || photometric === PHOTOMETRIC.whiteIsZero;
  // What is 0 is black already.
  if (noData !== null && (noData !== 0 || photometric === PHOTOMETRIC.whiteIsZero)) return false;
  if (bits === 1) return isGrey && samples === 1;
  if (bits !== 8) return false;
  const hasAlpha = extraSamples.length === 1 && (extraSamples[0] === 1 || extraSamples[0] === 2);
  if (isGrey) return samples === 1 || (samples === 2 && hasAlpha);
  if (photometric === PHOTOMETRIC.rgb) return samples === 3 || samples === 4;
  if (photometric === PHOTOMETRIC.palette) return samples === 1;
  return photometricNames[photometric] !== undefined;
}
