/**
 * A picture as a mask: its stored numbers, or its colours as classes by a palette file. Only here do masks differ from
 * photos; what a file holds is the containers' matter, and what the numbers mean that of labels.ts.
 */

import type { DataConfig } from '@unet-fleet/law';
import type { PixelLimit } from '../limits.ts';
import { containerNamed, containers, extensionOf, readPicture } from './containers.ts';
import { FileError } from './file-error.ts';
import { coloured, coloursOf, greysOf, hasColours } from './mask-colours.ts';
import type { Palette } from './palette.ts';
import { colorName } from './palette.ts';
import { type Picture, turned, uprightSize } from './picture.ts';
import { NO_VALUE, type NumericArray, type RawMask, StrangeValues, wholeNumbers } from './raster.ts';

export interface MaskOptions extends PixelLimit {
  /** Name of the variable in a .mat file. */
  matVariable: string;
  /** Turns colours into classes; null for index masks. */
  palette: Palette | null;
  /** Values from this one on become 1, those below 0; 0: none. */
  maskThreshold: number;
  /** stored: not turned by the mask's own orientation, as its photo is not; default: turned. */
  orientation?: DataConfig['orientation'];
  /** Of the pages of the file that are pictures of their own; default 0. */
  page?: number;
}

const allExtensions = containers.flatMap(({ extensions }) => extensions);
const indexExtensions = containers
  .filter(({ isAlwaysLossy }) => !isAlwaysLossy)
  .flatMap(({ extensions }) => extensions);

/** Compression with loss moves the values at edges: only a threshold makes a mask of such a file. */
export const maskExtensionsOf = ({ maskThreshold }: Pick<MaskOptions, 'maskThreshold'>): readonly string[] =>
  maskThreshold > 0 ? allExtensions : indexExtensions;

/** Reads a mask. Throws a FileError that names the file. */
export async function readMask(path: string, bytes: Uint8Array, options: MaskOptions): Promise<RawMask> {
  return maskFromPicture(path, await readMaskPicture(path, bytes, options), options);
}

/** The picture that a mask is made of. Throws a FileError, also for a format that is none of masks. */
export async function readMaskPicture(
  path: string,
  bytes: Uint8Array,
  options: MaskOptions,
): Promise<Picture> {
  const extensions = maskExtensionsOf(options);
  if (!extensions.includes(extensionOf(path))) {
    throw new FileError(path, `masks are ${extensions.join(', ')}, not ${extensionOf(path)}`);
  }
  const { matVariable, maxPixels, page = 0 } = options;
  return readPicture(path, bytes, { matVariable, maxPixels, page });
}

/** Upright, as the photo is: a mask's own orientation turns it, unless it is to be taken as stored. Throws a FileError. */
export function maskFromPicture(
  path: string,
  stored: Picture,
  { palette, maskThreshold, orientation }: Pick<MaskOptions, 'palette' | 'maskThreshold' | 'orientation'>,
): RawMask {
  const picture = orientation === 'stored' ? { ...stored, orientation: 1 } : stored;
  try {
    if (maskThreshold > 0) return thresholdMask(picture, maskThreshold);
    if (picture.isLossy) throw new Error(lossOf(picture));
    if (palette !== null) return paletteMask(picture, palette);
    return hasColours(picture) ? colourMask(picture) : indexMask(picture);
  } catch (error) {
    throw new FileError(path, (error as Error).message);
  }
}

/** What compression with loss has done, and the two ways out. */
function lossOf({ container }: Picture): string {
  return `${containerNamed(container).lossOf ?? 'its compression'} moves the values at edges, so that classes blend; save it as PNG from where it comes, or, if it is black and white, read it with --mask-threshold 128`;
}

function indexMask(picture: Picture): RawMask {
  const { values, strange } = wholeNumbers(oneChannel(picture));
  return {
    ...uprightSize(picture),
    values: upright(values, picture),
    strange,
    isColour: false,
    colors: usedColors(picture),
  };
}

function thresholdMask(picture: Picture, threshold: number): RawMask {
  if (hasColours(picture)) throw new Error(coloured);
  const strange = new StrangeValues();
  const numbers = picture.meaning === 'palette' ? greysOf(picture) : oneChannel(picture);
  const values = new Uint8Array(numbers.length);
  for (let i = 0; i < values.length; i++) {
    const number = Number(numbers[i]);
    values[i] = Number(number >= threshold);
    if (Number.isNaN(number)) strange.add('NaN');
  }
  return {
    ...uprightSize(picture),
    values: upright(values, picture),
    strange: strange.toList(),
    isColour: false,
    colors: null,
  };
}

/** 0xrrggbb of each pixel: what it means, nobody has said. */
function colourMask(picture: Picture): RawMask {
  const values = upright(Int32Array.from(coloursOf(picture)), picture);
  return { ...uprightSize(picture), values, strange: [], isColour: true, colors: null };
}

/** A pixel whose colour the palette lacks has no value; the colour is counted among the strange ones. */
function paletteMask(picture: Picture, palette: Palette): RawMask {
  const classes = new Map(palette.entries.map(({ color, classIndex }) => [color, classIndex]));
  const colours = coloursOf(picture);
  const values = new Int32Array(colours.length);
  const strange = new StrangeValues();
  let lastColor = -1;
  let lastClass = 0;
  for (let i = 0; i < values.length; i++) {
    const color = colours[i] as number;
    if (color !== lastColor) {
      lastColor = color;
      lastClass = classes.get(color) ?? NO_VALUE;
    }
    values[i] = lastClass;
    if (lastClass === NO_VALUE) strange.add(colorName(color));
  }
  const isByte = Math.max(...classes.values()) <= 255 && strange.isEmpty;
  const narrow = isByte ? Uint8Array.from(values) : values;
  return {
    ...uprightSize(picture),
    values: upright(narrow, picture),
    strange: strange.toList(),
    isColour: false,
    colors: null,
  };
}

function upright<T extends Uint8Array | Int32Array>(values: T, { width, height, orientation }: Picture): T {
  return turned(values, { width, height, channels: 1, orientation });
}

/** The first of several channels that are equal: grey that a program wrote as RGB. Alpha is left out. */
function oneChannel({ values, channels, numExtra, width, height, meaning }: Picture): NumericArray {
  if (channels === 1) return values;
  const grey = values.slice(0, width * height);
  const numColors = Math.max(1, channels - numExtra);
  // Two or five channels are something else, equal or not.
  if (meaning === 'bands' && numColors !== 3) throw new Error(severalChannels(numColors));
  for (let i = 0, at = 0; i < grey.length; i++, at += channels) {
    const value = values[at] as number & bigint;
    for (let c = 1; c < numColors; c++) {
      if (value !== values[at + c]) throw new Error(severalChannels(numColors));
    }
    grey[i] = value;
  }
  return grey;
}

const severalChannels = (numColors: number): string =>
  `it has ${numColors} channels, where one class index per pixel is needed; save it with one channel`;

/** The colours of the indices that occur; null without a palette. */
function usedColors({ meaning, colors, values }: Picture): [index: number, color: number][] | null {
  if (meaning !== 'palette' || colors === null) return null;
  const used = new Set(values as Uint8Array);
  return [...used]
    .filter((index) => 3 * index + 2 < colors.length)
    .sort((a, b) => a - b)
    .map((index) => [
      index,
      ((colors[3 * index] as number) << 16) |
        ((colors[3 * index + 1] as number) << 8) |
        (colors[3 * index + 2] as number),
    ]);
}
