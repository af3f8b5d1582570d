/**
 * A picture as a mask: its stored numbers are class indices, or its colours are by a palette file. Only here do masks
 * differ from photos; what a file holds is the containers' matter.
 */

import type { PixelLimit } from '../limits.ts';
import { containers, extensionOf, readPicture } from './containers.ts';
import { FileError } from './file-error.ts';
import type { Palette } from './palette.ts';
import { colorName } from './palette.ts';
import { type Picture, turned, uprightSize } from './picture.ts';
import { maskFrom, NO_LABEL, type NumericArray, type RawMask, StrangeValues } from './raster.ts';

export interface MaskOptions extends PixelLimit {
  /** Name of the variable in a .mat file. */
  matVariable: string;
  /** Turns colours into classes; null for index masks. */
  palette: Palette | null;
  /** Of the pages of the file that are pictures of their own; default 0. */
  page?: number;
}

/** Lossy formats move the values at edges, so that they are no masks. */
export const maskExtensions: readonly string[] = containers
  .filter(({ name }) => name !== 'jpeg' && name !== 'webp')
  .flatMap(({ extensions }) => extensions);

/** Reads a mask. Throws a FileError that names the file. */
export async function readMask(path: string, bytes: Uint8Array, options: MaskOptions): Promise<RawMask> {
  if (!maskExtensions.includes(extensionOf(path))) {
    throw new FileError(path, `masks are ${maskExtensions.join(', ')}, not ${extensionOf(path)}`);
  }
  const { matVariable, maxPixels, page = 0 } = options;
  return maskFromPicture(path, await readPicture(path, bytes, { matVariable, maxPixels, page }), options);
}

/** Upright, as the photo is: a mask's own orientation turns it. */
export function maskFromPicture(
  path: string,
  picture: Picture,
  { palette }: Pick<MaskOptions, 'palette'>,
): RawMask {
  try {
    return palette === null ? indexMask(picture) : colourMask(picture, palette);
  } catch (error) {
    throw new FileError(path, (error as Error).message);
  }
}

function indexMask(picture: Picture): RawMask {
  const { values, channels, orientation } = picture;
  const { width, height } = uprightSize(picture);
  const indices = channels === 1 ? values : greyOf(picture);
  const upright = turned(indices, { width: picture.width, height: picture.height, channels: 1, orientation });
  return maskFrom(upright, width, height);
}

/** An index mask that was saved as RGB has three equal channels; anything else is colours. Alpha is left out. */
function greyOf({ values, channels, numExtra, width, height, meaning }: Picture): NumericArray {
  const grey = values.slice(0, width * height);
  const numColors = Math.max(1, channels - numExtra);
  // Three equal channels are grey that a program wrote as RGB; two or five are something else, equal or not.
  if (meaning === 'bands' && numColors !== 3) throw new Error(severalChannels(numColors));
  for (let i = 0, at = 0; i < grey.length; i++, at += channels) {
    const value = values[at] as number & bigint;
    for (let c = 1; c < numColors; c++) {
      if (value !== values[at + c]) {
        throw new Error(
          meaning === 'rgb'
            ? 'it has colours, not class indices; name its palette file with --palette'
            : severalChannels(numColors),
        );
      }
    }
    grey[i] = value;
  }
  return grey;
}

const severalChannels = (numColors: number): string =>
  `it has ${numColors} channels, where one class index per pixel is needed; save it with one channel`;

/** A pixel whose colour the palette lacks has no label; the colour is counted among the strange values. */
function colourMask(picture: Picture, palette: Palette): RawMask {
  const classes = new Map(palette.entries.map(({ color, classIndex }) => [color, classIndex]));
  const highest = Math.max(...classes.values());
  const colours = coloursOf(picture);
  const { width, height } = uprightSize(picture);
  const labels = new Uint16Array(width * height);
  const strange = new StrangeValues();
  let lastColor = -1;
  let lastClass = 0;
  for (let i = 0; i < labels.length; i++) {
    const color = colours[i] as number;
    if (color !== lastColor) {
      lastColor = color;
      lastClass = classes.get(color) ?? NO_LABEL;
    }
    labels[i] = lastClass;
    if (lastClass === NO_LABEL) strange.add(colorName(color));
  }
  const isNarrow = highest <= 255 && strange.isEmpty;
  return { width, height, labels: isNarrow ? Uint8Array.from(labels) : labels, strange: strange.toList() };
}

/** 0xrrggbb of each pixel, upright. Greys of fewer than 8 bits spread over 0..255, as every viewer shows them. */
function coloursOf(picture: Picture): Uint32Array {
  const { values, channels, meaning, colors, kind, bits, width, height, orientation } = picture;
  const isColour = meaning === 'rgb' || (meaning === 'bands' && channels >= 3);
  if (kind !== 'u1') {
    throw new Error(
      `it has values of ${bits} bits, where the palette file has colours of 8; save it with 8 bits`,
    );
  }
  const factor = meaning !== 'palette' && bits < 8 ? 255 / (2 ** bits - 1) : 1;
  const result = new Uint32Array(width * height);
  for (let i = 0, at = 0; i < result.length; i++, at += channels) {
    const value = (values[at] as number) * factor;
    if (meaning === 'palette') result[i] = colourAt(colors as Uint8Array, value);
    else if (!isColour) result[i] = value * 0x010101;
    else
      result[i] =
        ((values[at] as number) << 16) | ((values[at + 1] as number) << 8) | (values[at + 2] as number);
  }
  return turned(result, { width, height, channels: 1, orientation });
}

function colourAt(colors: Uint8Array, index: number): number {
  if (3 * index + 2 >= colors.length) throw new Error(`it is damaged: its palette has no colour ${index}`);
  return (
    ((colors[3 * index] as number) << 16) |
    ((colors[3 * index + 1] as number) << 8) |
    (colors[3 * index + 2] as number)
  );
}
