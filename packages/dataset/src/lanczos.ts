/**
 * Lanczos-3 about pixel centres. Bytes are only enlarged here: sharp reduces them, faster than this could, but where it
 * enlarges its result lies up to half a pixel beside the nearest-neighbour mask. Floats are enlarged and reduced here, in
 * one fixed order of double-precision sums.
 */
import { sine } from './sine.ts';
import type { Size } from './types.ts';

const LOBES = 3;

function kernel(x: number): number {
  if (x === 0) return 1;
  if (Math.abs(x) >= LOBES) return 0;
  const angle = Math.PI * x;
  return (LOBES * sine(angle) * sine(angle / LOBES)) / (angle * angle);
}

/** For each output position: the first input position and the weights from there on, positions beyond the edge clamped. */
function taps(from: number, to: number): { indices: Int32Array; weights: Float64Array; numTaps: number } {
  const numTaps = 2 * LOBES;
  const indices = new Int32Array(to * numTaps);
  const weights = new Float64Array(to * numTaps);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    const first = Math.floor(centre) - LOBES + 1;
    let sum = 0;
    for (let k = 0; k < numTaps; k++) {
      const weight = kernel(centre - first - k);
      indices[i * numTaps + k] = Math.min(from - 1, Math.max(0, first + k));
      weights[i * numTaps + k] = weight;
      sum += weight;
    }
    for (let k = 0; k < numTaps; k++) weights[i * numTaps + k]! /= sum;
  }
  return { indices, weights, numTaps };
}

/**
 * Enlarges one axis. Positions along it are `stride` values apart, lines along it start where `lineStart` says.
 * An output line has the same stride.
 */
function enlargeAxis(
  input: Uint8Array,
  output: Uint8Array,
  { from, to, stride }: { from: number; to: number; stride: number },
  lineStarts: (line: number) => { input: number; output: number },
  numLines: number,
): void {
  const { indices, weights, numTaps } = taps(from, to);
  for (let line = 0; line < numLines; line++) {
    const start = lineStarts(line);
    for (let i = 0, tap = 0; i < to; i++) {
      let sum = 0;
      for (let k = 0; k < numTaps; k++, tap++) {
        sum += (weights[tap] as number) * (input[start.input + (indices[tap] as number) * stride] as number);
      }
      output[start.output + i * stride] = Math.max(0, Math.min(255, Math.round(sum)));
    }
  }
}

/** pixels: HWC bytes. Neither side may become smaller. */
export function enlarge(pixels: Uint8Array, channels: number, from: Size, to: Size): Uint8Array {
  if (to.width < from.width || to.height < from.height) throw new Error('enlarging to a smaller size');
  let wide = pixels;
  if (to.width > from.width) {
    wide = new Uint8Array(to.width * from.height * channels);
    const starts = (line: number) => {
      const row = Math.floor(line / channels);
      const channel = line % channels;
      return { input: row * from.width * channels + channel, output: row * to.width * channels + channel };
    };
    const axis = { from: from.width, to: to.width, stride: channels };
    enlargeAxis(pixels, wide, axis, starts, from.height * channels);
  }
  if (to.height === from.height) return wide;
  const tall = new Uint8Array(to.width * to.height * channels);
  const stride = to.width * channels;
  const axis = { from: from.height, to: to.height, stride };
  enlargeAxis(wide, tall, axis, (line) => ({ input: line, output: line }), stride);
  return tall;
}

/** Taps of one axis of floats: where it is reduced, the kernel is as wide as the pixels that become one. */
function floatTaps(
  from: number,
  to: number,
): { indices: Int32Array; weights: Float64Array; numTaps: number } {
  const scale = Math.max(1, from / to);
  const numTaps = 2 * Math.ceil(LOBES * scale) + 1;
  const indices = new Int32Array(to * numTaps);
  const weights = new Float64Array(to * numTaps);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    const first = Math.ceil(centre - LOBES * scale);
    let sum = 0;
    for (let k = 0; k < numTaps; k++) {
      const weight = kernel((centre - first - k) / scale);
      indices[i * numTaps + k] = Math.min(from - 1, Math.max(0, first + k));
      weights[i * numTaps + k] = weight;
      sum += weight;
    }
    for (let k = 0; k < numTaps; k++) weights[i * numTaps + k]! /= sum;
  }
  return { indices, weights, numTaps };
}

/** One axis of floats: positions `stride` apart, in `numBlocks` blocks that follow one another. */
function resizeAxis(
  input: Float32Array,
  { from, to, stride, numBlocks }: { from: number; to: number; stride: number; numBlocks: number },
): Float32Array {
  if (from === to) return input;
  const { indices, weights, numTaps } = floatTaps(from, to);
  const output = new Float32Array(numBlocks * to * stride);
  for (let block = 0; block < numBlocks; block++) {
    const start = block * from * stride;
    for (let i = 0, at = block * to * stride; i < to; i++) {
      for (let s = 0; s < stride; s++, at++) {
        let sum = 0;
        for (let k = 0, tap = i * numTaps; k < numTaps; k++, tap++) {
          sum += (weights[tap] as number) * (input[start + (indices[tap] as number) * stride + s] as number);
        }
        output[at] = sum;
      }
    }
  }
  return output;
}

/** pixels: HWC in 0..1, in which the result stays: what the filter overshoots is cut off. */
export function resizeFloats(pixels: Float32Array, channels: number, from: Size, to: Size): Float32Array {
  const wide = resizeAxis(pixels, {
    from: from.width,
    to: to.width,
    stride: channels,
    numBlocks: from.height,
  });
  const tall = resizeAxis(wide, {
    from: from.height,
    to: to.height,
    stride: channels * to.width,
    numBlocks: 1,
  });
  return tall === pixels ? pixels : tall.map((value) => Math.max(0, Math.min(1, value)));
}
