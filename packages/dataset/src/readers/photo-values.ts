/**
 * The numbers of an upright picture as the channels of a photo: which of them are colours, inverted where 0 is white, and
 * brought from a value range to 0..1. One fixed order of operations in double precision, rounded to float32 at the end.
 */
import type { ValueRange } from '@unet-fleet/config';
import { luminance } from './luminance.ts';
import type { NumberKind } from './numbers.ts';
import { noDataTest, type Picture } from './picture.ts';

type Upright = Pick<
  Picture,
  'values' | 'channels' | 'kind' | 'bits' | 'meaning' | 'numExtra' | 'hasAlpha' | 'colors' | 'noData'
>;

/** Which stored channels are the photo's. */
interface Selection {
  /** One or three. */
  colours: number[];
  /** The fourth channel: transparency or one more colour; null where the file has none. */
  fourth: number | null;
}

/** Throws a plain sentence where the channels of the file are not those that the model sees. */
export function selectChannels(
  picture: Pick<Upright, 'channels' | 'meaning' | 'numExtra' | 'hasAlpha'>,
  wanted: 1 | 3 | 4,
): Selection {
  const { channels, meaning, numExtra, hasAlpha } = picture;
  const numColors = channels - numExtra;
  if (meaning !== 'rgb' && meaning !== 'bands') return { colours: [0], fourth: hasAlpha ? 1 : null };
  const colours = [0, 1, 2];
  if (meaning === 'rgb') {
    if (wanted === 4 && numExtra > 1) {
      throw new Error(
        `it has ${channels} channels, red, green, blue and ${numExtra} more, of which --channels 4 takes one; save it with four, or use --channels 3 for the colours alone`,
      );
    }
    return { colours, fourth: numExtra > 0 ? 3 : null };
  }
  if (numColors === 3) return { colours, fourth: hasAlpha ? 3 : null };
  if (numColors === 4 && numExtra === 0) {
    if (wanted === 4) return { colours, fourth: 3 };
    throw new Error(
      `it has 4 channels that no tag gives a colour; --channels 4 takes them all, or save the ${wanted === 1 ? 'one' : 'three'} to use`,
    );
  }
  throw new Error(
    `it has ${numColors} channels that no tag gives a colour, and a model sees 1, 3 or 4 (--channels); save those to use`,
  );
}

export interface ByteRaster {
  channels: 1 | 3 | 4;
  pixels: Uint8Array;
}

/** Of a picture of at most 8 bits: fewer spread over 0..255. Colours stay colours where grey is wanted. */
export function byteValues(picture: Upright, wanted: 1 | 3 | 4): ByteRaster {
  const { values, channels, meaning, bits, colors, hasAlpha } = picture;
  const { colours, fourth } = selectChannels(picture, wanted);
  const numColors = colours.length === 3 || colors !== null ? 3 : 1;
  const numChannels = wanted === 4 ? 4 : wanted === 3 ? 3 : numColors;
  const numPixels = values.length / channels;
  const pixels = new Uint8Array(numPixels * numChannels);
  const factor = colors === null && bits < 8 ? 255 / (2 ** bits - 1) : 1;
  const isNoData = noDataTest(picture);
  const byte = (value: number) =>
    isNoData(value) ? 0 : meaning === 'inverted' ? 255 - value * factor : value * factor;
  for (let i = 0, at = 0, to = 0; i < numPixels; i++, at += channels, to += numChannels) {
    for (let c = 0; c < Math.min(3, numChannels); c++) {
      const source = colours[numColors === 3 && colors === null ? c : 0] as number;
      const value = values[at + source] as number;
      pixels[to + c] = colors === null ? byte(value) : colourOf(colors, value, c);
    }
    if (numChannels === 4) {
      pixels[to + 3] =
        fourth === null
          ? 255
          : hasAlpha
            ? (values[at + fourth] as number) * factor
            : byte(values[at + fourth] as number);
    }
  }
  return { channels: numChannels, pixels };
}

function colourOf(colors: Uint8Array, index: number, channel: number): number {
  const value = colors[3 * index + channel];
  if (value === undefined) throw new Error(`it is damaged: its palette has no colour ${index}`);
  return value;
}

/** HWC in 0..1: the range brought to it, values beyond clipped. Throws a plain sentence for NaN and infinities. */
export function unitValues(picture: Upright, wanted: 1 | 3 | 4, range: 'type' | ValueRange): Float32Array {
  if (picture.colors !== null) return unitValues(asBytes(picture), wanted, range);
  const { values, channels, kind, bits, meaning, hasAlpha } = picture;
  const { colours, fourth } = selectChannels(picture, wanted);
  const own = rangeOfType(kind, bits);
  const { low, high } = range === 'type' ? own : range;
  const numPixels = values.length / channels;
  let numStrange = 0;
  const unit = (stored: number | bigint, from: number, to: number): number => {
    const value = Number(stored);
    if (!Number.isFinite(value)) numStrange++;
    const share = (value - from) / (to - from);
    return Math.max(0, Math.min(1, share));
  };
  const isNoData = noDataTest(picture);
  const colour = (stored: number | bigint) =>
    isNoData(Number(stored))
      ? 0
      : meaning === 'inverted'
        ? 1 - unit(stored, low, high)
        : unit(stored, low, high);
  const raster = new Float32Array(numPixels * colours.length);
  for (let i = 0, at = 0, to = 0; i < numPixels; i++, at += channels) {
    for (const c of colours) raster[to++] = colour(values[at + c] as number);
  }
  if (numStrange > 0) throw new Error(notFinite(numStrange));
  if (wanted === 1) return colours.length === 1 ? raster : luminance(raster);
  if (wanted === 3 && colours.length === 3) return raster;
  const result = new Float32Array(numPixels * wanted);
  for (let i = 0; i < numPixels; i++) {
    for (let c = 0; c < 3; c++) {
      result[i * wanted + c] = raster[colours.length === 3 ? 3 * i + c : i] as number;
    }
    if (wanted === 4) {
      const stored = fourth === null ? null : (values[i * channels + fourth] as number);
      result[4 * i + 3] = stored === null ? 1 : hasAlpha ? unit(stored, 0, own.high) : colour(stored);
    }
  }
  return result;
}

function asBytes(picture: Upright): Upright {
  const { channels, pixels } = byteValues(picture, picture.hasAlpha ? 4 : 3);
  const numExtra = channels - 3;
  return {
    values: pixels,
    channels,
    kind: 'u1',
    bits: 8,
    meaning: 'rgb',
    numExtra,
    hasAlpha: numExtra > 0,
    colors: null,
  };
}

export const notFinite = (numValues: number): string =>
  `${numValues} of its values are no finite numbers (nan or infinity); replace them, as no photo can have such`;

/** What the type itself can hold; of floats 0 to 1. */
function rangeOfType(kind: NumberKind, bits: number): { low: number; high: number } {
  if (kind[0] === 'f') return { low: 0, high: 1 };
  if (kind[0] === 'i') return { low: -(2 ** (bits - 1)), high: 2 ** (bits - 1) - 1 };
  return { low: 0, high: 2 ** bits - 1 };
}
