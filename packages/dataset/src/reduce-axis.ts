/**
 * How libvips, the library behind sharp, reduces an axis with Lanczos-3, as a plan that is carried out by arithmetic of our
 * own (numerics/pixels.ts): the same bits for a fraction of the time, most of which the library takes for its pipeline.
 * From libvips' description of its method: a factor of four and more is first halved, cut to a third and so on by means of
 * whole pixels, until two to four are left; the rest is a filter in steps of 1/64 pixel, whose weights are cut to 1/4096.
 * The place of a pixel is the place of the one before it and a step, beginning anew with each tile of the library's: so
 * rounding at the border of two steps depends on the tiles, and they are part of the plan. What it keeps true is not
 * believed but tried: reduce.ts.
 */
import type { AxisReduction } from '@unet-fleet/numerics/pixels';
import { sine } from './sine.ts';

const LOBES = 3;
const NUM_STEPS = 64;
const ONE = 4_096;
/** Pixels that are left under the filter for each of its results, at least, where means come first. */
const GAP = 2;

/** Lines of a tile, and of the strips that a picture without tiles is computed in. */
const TILE = 128;
const STRIP = 16;

/** Of an axis that gets shorter, or stays as it is. */
export function wholeFactor(from: number, to: number): number {
  return Math.max(1, Math.floor(from / to / GAP));
}

/** In runs of how many results places are counted on, for columns and rows. Where means are taken there are tiles. */
export function runLengths(columnFactor: number, rowFactor: number): { columns: number; rows: number } {
  const isTiled = columnFactor > 1 || rowFactor > 1;
  return {
    columns: isTiled ? TILE : Number.POSITIVE_INFINITY,
    // Means of columns ask for their rows in strips.
    rows: isTiled && columnFactor === 1 ? TILE : STRIP,
  };
}

/** `runLength`: see runLengths. */
export function reductionOf(from: number, to: number, runLength: number): AxisReduction {
  const factor = wholeFactor(from, to);
  // As the library is told: the inverse of the inverse.
  const whole = 1 / (1 / (from / to));
  const step = whole / factor;
  const plain = {
    factor,
    count: to,
    numTaps: 0,
    pad: 0,
    places: new Int32Array(0),
    weights: new Int16Array(0),
  };
  if (step === 1) return plain;
  const numTaps = 2 * roundToEven(LOBES * step) + 1;
  const invented = (to * whole - from) / factor;
  const offset = (1 + invented) / 2 - 1;
  return {
    ...plain,
    numTaps,
    pad: Math.ceil(numTaps / 2) - 1,
    places: placesOf(to, step, offset, runLength),
    weights: weightsOf(numTaps, step),
  };
}

function placesOf(count: number, step: number, offset: number, runLength: number): Int32Array {
  const places = new Int32Array(2 * count);
  let place = 0;
  for (let i = 0; i < count; i++) {
    place = i % runLength === 0 ? (i + 0.5) * step - 0.5 - offset : place + step;
    const first = Math.trunc(place);
    const half = Math.trunc(place * NUM_STEPS * 2) & (NUM_STEPS * 2 - 1);
    places[2 * i] = first;
    places[2 * i + 1] = (half + 1) >> 1;
  }
  return places;
}

/** Of each step, and one more for what is rounded up to the next pixel. */
function weightsOf(numTaps: number, step: number): Int16Array {
  const stride = Math.ceil(numTaps / 4) * 4;
  const weights = new Int16Array((NUM_STEPS + 1) * stride);
  const filter = new Float64Array(numTaps);
  const scale = 1 / step;
  for (let s = 0; s <= NUM_STEPS; s++) {
    const centre = s / NUM_STEPS + numTaps / 2 - 1;
    let sum = 0;
    for (let i = 0; i < numTaps; i++) {
      filter[i] = lanczos((i - centre) * scale);
      sum += filter[i] as number;
    }
    for (let i = 0; i < numTaps; i++)
      weights[s * stride + i] = Math.trunc(((filter[i] as number) / sum) * ONE);
  }
  return weights;
}

function lanczos(x: number): number {
  return Math.abs(x) < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
}

function sinc(x: number): number {
  if (x === 0) return 1;
  const angle = x * Math.PI;
  return sine(angle) / angle;
}

/** Halves go to the even neighbour. */
function roundToEven(x: number): number {
  const rounded = Math.round(x);
  return Math.abs(x - Math.trunc(x)) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
