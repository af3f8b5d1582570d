/**
 * Classes of a photo's pixels, as the server sends them, and the colours they are drawn in. Pure: bytes and text in,
 * numbers out.
 */

/** Class of each pixel, row by row. */
export interface ClassMap {
  width: number;
  height: number;
  classes: Uint8Array | Uint16Array;
}

export type Rgb = readonly [red: number, green: number, blue: number];

/** Pixels of RGBA, row by row, as a canvas gives and takes them. */
export interface Pixels {
  width: number;
  height: number;
  data: Uint8ClampedArray<ArrayBuffer>;
}

/** One byte a pixel, or two, little-endian. Throws if the length does not fit the size. */
export function classMapOf(
  bytes: Uint8Array,
  { width, height, bytesPerPixel }: { width: number; height: number; bytesPerPixel: 1 | 2 },
): ClassMap {
  const numPixels = width * height;
  if (bytes.length !== numPixels * bytesPerPixel) {
    throw new Error(`${bytes.length} bytes are no ${width} x ${height} map of ${bytesPerPixel} a pixel`);
  }
  if (bytesPerPixel === 1) return { width, height, classes: bytes };
  const classes = new Uint16Array(numPixels);
  for (let pixel = 0; pixel < numPixels; pixel++) {
    classes[pixel] = bytes[pixel * 2]! | (bytes[pixel * 2 + 1]! << 8);
  }
  return { width, height, classes };
}

/** What the truth has where no class is to be learned: the highest value of its type. */
export const ignoredValue = ({ classes }: ClassMap): number =>
  classes instanceof Uint16Array ? 0xffff : 0xff;

/** RGB, row by row, as RGBA. Throws if the length does not fit the size. */
export function pixelsOfRgb(rgb: Uint8Array, width: number, height: number): Pixels {
  if (rgb.length !== width * height * 3)
    throw new Error(`${rgb.length} bytes are no ${width} x ${height} photo`);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let pixel = 0; pixel < width * height; pixel++) {
    data[pixel * 4] = rgb[pixel * 3]!;
    data[pixel * 4 + 1] = rgb[pixel * 3 + 1]!;
    data[pixel * 4 + 2] = rgb[pixel * 3 + 2]!;
    data[pixel * 4 + 3] = 255;
  }
  return { width, height, data };
}

const unknownColour: Rgb = [128, 128, 128];

/** `#rgb`, `#rrggbb` and `rgb(r g b)` with commas or without; grey for anything else. */
export function rgbOf(cssColour: string): Rgb {
  const text = cssColour.trim().toLowerCase();
  const hex = /^#([0-9a-f]{3}|[0-9a-f]{6})$/.exec(text)?.[1];
  if (hex !== undefined) {
    const wide = hex.length === 6 ? hex : [...hex].map((digit) => digit + digit).join('');
    const value = Number.parseInt(wide, 16);
    return [value >> 16, (value >> 8) & 255, value & 255];
  }
  const parts = /^rgb\((\d{1,3})[ ,]+(\d{1,3})[ ,]+(\d{1,3})\)$/.exec(text);
  return parts ? [Number(parts[1]), Number(parts[2]), Number(parts[3])] : unknownColour;
}

/**
 * The class that stands for "nothing in particular": it is drawn paler, and tells what was missed from what was
 * invented. Only the first class can be it, and only by its name; null where the first class is one like others.
 */
export function backgroundOf(classNames: readonly string[]): number | null {
  return /^(null|none|void|background|back ?ground|bg|other|nothing|unlabell?ed)$/i.test(classNames[0] ?? '')
    ? 0
    : null;
}

/** Pixels of each class; what is no class, such as ignored pixels, is left out. */
export function countClasses({ classes }: ClassMap, numClasses: number): Float64Array {
  const counts = new Float64Array(numClasses);
  for (const classIndex of classes) if (classIndex < numClasses) counts[classIndex]!++;
  return counts;
}
