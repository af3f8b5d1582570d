/**
 * The grey of a colour as libvips makes it of 8 bits, for values of any depth: the luminance (ITU-R BT.709) of linear
 * light, given back in sRGB's curve (IEC 61966-2-1). Powers come from roots that are found by arithmetic alone, so that
 * the bits depend on no JavaScript engine's Math.pow.
 */

/** Steps of Newton's method from a start that is right to a few per cent; the last ones change nothing. */
const MAX_STEPS = 60;

/** The n-th root of x in 0..1 by Newton's method, from above. */
function root(x: number, n: number): number {
  if (x <= 0) return 0;
  let estimate = 1;
  for (let step = 0; step < MAX_STEPS; step++) {
    let power = 1;
    for (let i = 1; i < n; i++) power *= estimate;
    const next = ((n - 1) * estimate + x / power) / n;
    if (!(next < estimate)) break;
    estimate = next;
  }
  return estimate;
}

/** Of a value in sRGB's curve, 0..1; x^2.4 = (x^12)^(1/5). */
export function linearOf(value: number): number {
  if (value <= 0.04045) return value / 12.92;
  const base = (value + 0.055) / 1.055;
  const square = base * base;
  const fourth = square * square;
  return root(fourth * fourth * fourth, 5);
}

/** The inverse; x^(1/2.4) = (x^5)^(1/12). */
function curveOf(linear: number): number {
  if (linear <= 0.0031308) return linear * 12.92;
  const square = linear * linear;
  return 1.055 * root(square * square * linear, 12) - 0.055;
}

/** Entries per unit of the two tables; between entries values are interpolated, to better than 16 bits. */
const RESOLUTION = 2 ** 14;
let tables: { linear: Float64Array; curve: Float64Array } | null = null;

function openTables() {
  tables ??= {
    linear: Float64Array.from({ length: RESOLUTION + 2 }, (_, i) => linearOf(Math.min(1, i / RESOLUTION))),
    // By the root of the light, as the curve is steep near black.
    curve: Float64Array.from({ length: RESOLUTION + 2 }, (_, i) => {
      const base = Math.min(1, i / RESOLUTION);
      return curveOf(base * base);
    }),
  };
  return tables;
}

function between(table: Float64Array, position: number): number {
  const at = Math.floor(position);
  const share = position - at;
  return (table[at] as number) * (1 - share) + (table[at + 1] as number) * share;
}

/** Greys of colours (each 0..1): one for each three values. */
export function luminance(colours: Float32Array): Float32Array {
  const { linear, curve } = openTables();
  const light = (value: number) => between(linear, value * RESOLUTION);
  const greys = new Float32Array(colours.length / 3);
  for (let i = 0, at = 0; i < greys.length; i++, at += 3) {
    const [red, green, blue] = [colours[at] as number, colours[at + 1] as number, colours[at + 2] as number];
    // A grey stays what it is, to the last bit.
    greys[i] =
      red === green && green === blue
        ? red
        : between(
            curve,
            Math.sqrt(0.2126 * light(red) + 0.7152 * light(green) + 0.0722 * light(blue)) * RESOLUTION,
          );
  }
  return greys;
}
