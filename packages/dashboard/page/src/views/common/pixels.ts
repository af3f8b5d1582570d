/** Pixels of photos as a canvas has them, and which class is the ground they stand on. Pure. */

/** Pixels of RGBA, row by row, as a canvas gives and takes them. */
export interface Pixels {
  width: number;
  height: number;
  data: Uint8ClampedArray<ArrayBuffer>;
}

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

/**
 * The class that stands for "nothing in particular": it is drawn paler, and tells what was missed from what was
 * invented. Only the first class can be it, and only by its name; null where the first class is one like others.
 */
export function backgroundOf(classNames: readonly string[]): number | null {
  return /^(null|none|void|background|back ?ground|bg|other|nothing|unlabell?ed)$/i.test(classNames[0] ?? '')
    ? 0
    : null;
}
