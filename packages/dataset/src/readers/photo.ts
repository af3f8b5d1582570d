/**
 * A picture as a photo: 1, 3 or 4 channels as the model sees them, upright, with the value range of the set as 0 to 1.
 * Photos of 8 bits stay bytes and are sharp's, colour profile and all, as they always were; deeper ones are float32, from
 * here to the engine. What a file cannot be taken for is refused by name.
 */
import { parseValueRange, type ValueRange, type ValueType } from '@unet-fleet/config';
import sharp, { type Sharp } from 'sharp';
import { checkPixels, maxPixelsOf, type PixelLimit } from '../limits.ts';
import type { SharpKind } from './container.ts';
import { containerOf, containers, extensionOf, readPicture } from './containers.ts';
import { inFile } from './file-error.ts';
import { byteValues, notFinite, selectChannels, unitValues } from './photo-values.ts';
import { type Picture, plainPicture, turned, uprightSize } from './picture.ts';
import { factsOf, type PictureFacts } from './picture-facts.ts';
import { checkStill } from './sharp-picture.ts';
import { checkCompression } from './tiff-compression.ts';
import type { TiffLayout } from './tiff-layout.ts';

export const photoExtensions: readonly string[] = containers.flatMap(({ extensions }) => extensions);
const arrayExtensions = containers.filter(({ isArray }) => isArray).flatMap(({ extensions }) => extensions);

/**
 * The photos among the files of a folder. Arrays are photos only where there are no pictures: beside those they are masks,
 * scores or features of them.
 */
export function photosAmong(paths: readonly string[]): string[] {
  const found = paths.filter((path) => photoExtensions.includes(extensionOf(path)));
  const pictures = found.filter((path) => !arrayExtensions.includes(extensionOf(path)));
  return pictures.length > 0 ? pictures : found;
}

/** pixels: HWC; bytes 0..255, or float32 0..1. */
export interface Photo {
  width: number;
  height: number;
  channels: 1 | 3 | 4;
  pixels: Uint8Array | Float32Array;
}

export interface PhotoOptions extends PixelLimit {
  /** 1 is luminance, 3 is colour without alpha, 4 has alpha (opaque if the file has none), or a fourth channel. */
  channels: 1 | 3 | 4;
  /** As the option says; default auto, which only photos of 8 bits can be read by. */
  valueRange?: string;
  /** Default auto, which turns the photo. */
  orientation?: 'auto' | 'photo' | 'stored';
  /** Default 0. */
  page?: number;
}

/** Throws a FileError for what is no whole picture of at most `maxPixels`, or cannot be read as the options say. */
export function decodePhoto(path: string, bytes: Uint8Array, options: PhotoOptions): Promise<Photo> {
  const { channels, orientation = 'auto', page = 0, maxPixels, remedy } = options;
  const limit: PixelLimit = remedy === undefined ? { maxPixels } : { maxPixels, remedy };
  return inFile(path, async () => {
    const range = rangeOf(options.valueRange ?? 'auto');
    const library = containerOf(path, bytes).forSharp?.(bytes, page, limit) ?? null;
    // A range is that of the file's numbers, which the library spreads over a byte where they have fewer bits.
    if (library !== null && (library.bits >= 8 || isByteRange(range))) {
      const isTurned = orientation !== 'stored';
      if (isByteRange(range)) return sharpPhoto(bytes, library, { channels, isTurned, limit });
      checkType(range, 'uint8');
      // Colours first: the range is that of the file's values, not of greys made of them.
      const photo = await sharpPhoto(bytes, library, {
        channels: channels === 1 ? 3 : channels,
        isTurned,
        limit,
      });
      return { ...photo, channels, pixels: unitValues(asPicture(photo), channels, range) };
    }
    const picture = await readPicture(path, bytes, { page, matVariable: '', ...limit });
    const upright = orientation === 'stored' ? picture : uprighted(picture);
    const { width, height } = upright;
    const type = valueType(picture);
    if (type !== 'uint8' || !isByteRange(range)) {
      checkType(range, type);
      return { width, height, channels, pixels: unitValues(upright, channels, range) };
    }
    const raster = byteValues(upright, channels);
    const isDone = raster.channels === channels;
    const pixels = isDone ? raster.pixels : await greyBytes(raster.pixels, width, height);
    return { width, height, channels, pixels };
  });
}

/** Facts of every page. Throws a FileError for a file of which a page cannot be read as a photo. */
export async function examinePhoto(
  path: string,
  bytes: Uint8Array,
  limit: PixelLimit,
): Promise<PictureFacts[]> {
  return inFile(path, async () => {
    const numPages = containerOf(path, bytes).numPages?.(bytes) ?? 1;
    const pages: PictureFacts[] = [];
    for (let page = 0; page < numPages; page++) {
      const library = containerOf(path, bytes).forSharp?.(bytes, page, limit) ?? null;
      pages.push(
        library === null
          ? photoFacts(await readPicture(path, bytes, { page, matVariable: '', ...limit }))
          : await sharpFacts(path, bytes, library, limit),
      );
    }
    return pages;
  });
}

/** Throws for values that are no number, which a photo cannot have. */
function photoFacts(picture: Picture): PictureFacts {
  const facts = factsOf(picture);
  if (facts.numNotFinite > 0) throw new Error(notFinite(facts.numNotFinite));
  return facts;
}

/** Of a picture's values, palettes being colours of 8 bits, and fewer bits than 8 spread over them. */
export function valueType({ kind, meaning }: Pick<Picture, 'kind' | 'meaning'>): ValueType {
  if (meaning === 'palette' || kind === 'u1') return 'uint8';
  if (kind[0] === 'f') return 'float';
  return `${kind[0] === 'u' ? 'uint' : 'int'}${8 * Number(kind[1])}` as ValueType;
}

type Range = 'type' | ValueRange;

/** Photos of 8 bits need no range; others were given one when the run was made. */
function rangeOf(text: string): Range {
  const range = parseValueRange(text);
  return range === 'auto' ? { low: 0, high: 255, type: 'uint8' } : range;
}

const isByteRange = (range: Range): boolean => range === 'type' || (range.low === 0 && range.high === 255);

/** Why a photo of these facts cannot be read with these options, as a plain sentence; null where it can. */
export function photoProblem(
  facts: PictureFacts,
  { channels, valueRange }: { channels: 1 | 3 | 4; valueRange: string },
): string | null {
  try {
    selectChannels(facts, channels);
    if (valueRange !== 'auto') checkType(rangeOf(valueRange), valueType(facts));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Throws a plain sentence where values of this type cannot be meant by the range. */
function checkType(range: Range, type: ValueType): void {
  if (range === 'type' || range.type === null || range.type === type) return;
  throw new Error(
    `its values are ${type}, those of the photos of the set are ${range.type} (${range.low} to ${range.high}); convert it to the same type and scale`,
  );
}

function uprighted(picture: Picture): Picture {
  return { ...picture, ...uprightSize(picture), values: turned(picture.values, picture), orientation: 1 };
}

const asPicture = ({ width, height, channels, pixels }: ByteRasterOf): Picture => ({
  ...plainPicture,
  container: 'png',
  width,
  height,
  channels,
  values: pixels,
  kind: 'u1',
  bits: 8,
  meaning: channels < 3 ? 'grey' : 'rgb',
  numExtra: channels === 2 || channels === 4 ? 1 : 0,
  hasAlpha: channels === 2 || channels === 4,
});

interface ByteRasterOf {
  width: number;
  height: number;
  channels: number;
  pixels: Uint8Array;
}

interface SharpOptions {
  channels: 1 | 3 | 4;
  isTurned: boolean;
  limit: PixelLimit;
}

async function sharpPhoto(
  bytes: Uint8Array,
  kind: SharpKind,
  { channels, isTurned, limit }: SharpOptions,
): Promise<Photo & ByteRasterOf> {
  const image = openWithSharp(bytes, kind, limit);
  if (isTurned) image.autoOrient();
  if (channels === 1) image.removeAlpha().greyscale();
  if (channels === 3) image.toColourspace('srgb').removeAlpha();
  if (channels === 4) image.toColourspace('srgb').ensureAlpha();
  const decoding = image.raw().toBuffer({ resolveWithObject: true });
  const { data, info } = await named(bytes, kind, limit, decoding);
  if (info.channels !== channels)
    throw new Error(`it has ${info.channels} channels where ${channels} are needed`);
  return { width: info.width, height: info.height, channels, pixels: data };
}

/** What is opened refuses more pixels than are read, by the file's header, before it decodes any. */
function openWithSharp(bytes: Uint8Array, { page, layout }: SharpKind, limit: PixelLimit): Sharp {
  // 'error' refuses damaged and truncated files but not the harmless warnings that old cameras earn.
  const limitInputPixels = maxPixelsOf(bytes.length, limit);
  return sharp(bytes, { failOn: 'error', limitInputPixels, ...(layout === null ? {} : { page }) });
}

/** The library knows compressions by their numbers alone, and says of too many pixels not how many they are. */
async function named<T>(
  bytes: Uint8Array,
  { layout, page }: SharpKind,
  limit: PixelLimit,
  decoding: Promise<T>,
): Promise<T> {
  try {
    return await decoding;
  } catch (error) {
    if (/exceeds pixel limit/.test((error as Error).message)) {
      const unlimited = { limitInputPixels: false, ...(layout === null ? {} : { page }) };
      const { width, height } = await sharp(bytes, unlimited).metadata();
      checkPixels(width, height, limit, bytes.length);
    }
    if (layout !== null) checkCompression(layout.compression);
    throw error;
  }
}

/** Decodes the whole photo, to know that it can be. */
async function sharpFacts(
  path: string,
  bytes: Uint8Array,
  kind: SharpKind,
  limit: PixelLimit,
): Promise<PictureFacts> {
  const { name } = containerOf(path, bytes);
  const image = openWithSharp(bytes, kind, limit);
  const metadata = await named(bytes, kind, limit, image.metadata());
  const { orientation = 1, hasAlpha = false, pages = 1 } = metadata;
  if (kind.layout === null) checkStill(pages);
  const decoding = image.raw().toBuffer({ resolveWithObject: true });
  const { data, info } = await named(bytes, kind, limit, decoding);
  const { width, height, channels } = info;
  const decoded = asPicture({ width, height, channels, pixels: data });
  const facts = factsOf({ ...decoded, numExtra: hasAlpha ? 1 : 0, hasAlpha });
  const numColors = metadata.space === 'b-w' ? 1 : 3;
  // As the file has them, which is what --value-range is about.
  const factor = numColors === 1 && kind.bits < 8 ? (2 ** kind.bits - 1) / 255 : 1;
  return {
    ...facts,
    low: facts.low * factor,
    high: facts.high * factor,
    container: name,
    channels: numColors + facts.numExtra,
    bits: kind.bits,
    meaning: numColors === 1 ? 'grey' : 'rgb',
    hasAlpha: hasAlpha && !isUnnamedExtra(kind.layout),
    orientation: kind.layout?.orientation ?? orientation,
    isLossy: kind.isLossy,
  };
}

/** The library takes every fourth channel for transparency; a tag may say that it is something else. */
const isUnnamedExtra = (layout: TiffLayout | null): boolean =>
  layout !== null && layout.samples === 4 && layout.extraSamples[0] === 0;

/** Greys of colours as bytes, by the library, as of every photo of 8 bits. */
async function greyBytes(pixels: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  const raw = { width, height, channels: 3 } as const;
  return sharp(pixels, { raw, limitInputPixels: false }).greyscale().raw().toBuffer();
}
