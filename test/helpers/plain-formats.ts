/**
 * The formats that lose bits, from their definitions, one value and one rounding after the other. What the
 * kernels are held against, and what a plain loop rounds with.
 */
import { int8BlockValues, type ValueFormat } from '@unet-fleet/law';

export const largestBf16 = 2 ** 127 * (2 - 2 ** -7);

/** To the nearest whole number, ties to even. */
function nearestEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** The power of two at or below a magnitude, or 2^-126 where that is larger. */
function powerBelow(magnitude: number): number {
  let power = 2 ** -126;
  while (power * 2 <= magnitude) power *= 2;
  return power;
}

function bf16(x: number): number {
  if (!Number.isFinite(x) || x === 0) return x;
  const unit = powerBelow(Math.abs(x)) * 2 ** -7;
  const rounded = (x < 0 ? -1 : 1) * nearestEven(Math.abs(x) / unit) * unit;
  return Math.abs(rounded) > largestBf16 ? rounded * Number.POSITIVE_INFINITY : rounded;
}

function int8Block(values: number[]): number[] {
  if (!values.every(Number.isFinite)) return values.map(() => Number.NaN);
  const largest = Math.max(...values.map(Math.abs));
  const step = Math.max(bf16(Math.fround(largest / 127)), 2 ** -126);
  const inverse = Math.fround(1 / step);
  // + 0: no value is -0.
  return values.map((x) => nearestEven(Math.fround(x * inverse)) * step + 0);
}

/** The values of one bucket as the format has them. */
export function plainlyRounded(values: ArrayLike<number>, format: ValueFormat): number[] {
  const all = Array.from(values);
  if (format === 'float32') return all;
  if (format === 'bf16') return all.map(bf16);
  return Array.from({ length: Math.ceil(all.length / int8BlockValues) }, (_, block) =>
    int8Block(all.slice(block * int8BlockValues, (block + 1) * int8BlockValues)),
  ).flat();
}
