/** Scales and ticks of a chart. Pure numbers, no drawing. */

export interface Scale {
  kind: 'linear' | 'log';
  min: number;
  max: number;
}

/** Position of a value along a scale, 0..1 within it. */
export function position({ kind, min, max }: Scale, value: number): number {
  const [low, high, at] =
    kind === 'log' ? [Math.log(min), Math.log(max), Math.log(value)] : [min, max, value];
  return high === low ? 0.5 : (at - low) / (high - low);
}

/** About `numWanted` round values (1, 2 or 5 times a power of ten) within a linear scale. */
export function linearTicks(min: number, max: number, numWanted: number): number[] {
  const span = max - min;
  if (!(span > 0)) return [min];
  const power = 10 ** Math.floor(Math.log10(span / numWanted));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= numWanted)!;
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  // Multiplied and not added up, and cut to the step's digits, so that ticks are written as 0.3 and not 0.30000000004.
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toFixed(digits)),
  );
}

/**
 * Powers of ten within a logarithmic scale, with 2 and 5 times each where about `numWanted` allow it, and with some
 * powers left out where there are too many.
 */
export function logTicks(min: number, max: number, numWanted: number): number[] {
  const numDecades = Math.log10(max / min);
  const factors = numDecades * 3 <= numWanted + 2 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(numDecades / numWanted));
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++) {
    if (power % every !== 0) continue;
    for (const factor of factors) {
      const tick = Number(`${factor}e${power}`);
      if (tick >= min * (1 - 1e-9) && tick <= max * (1 + 1e-9)) ticks.push(tick);
    }
  }
  return ticks;
}

/** A scale around the values with some air; logarithmic if wanted, where all are positive. */
export function scaleAround(values: number[], kind: Scale['kind']): Scale {
  if (values.length === 0) return { kind: 'linear', min: 0, max: 1 };
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  if (kind === 'log' && min > 0) {
    const air = Math.max(1.15, (max / min) ** 0.05);
    return { kind, min: min / air, max: max * air };
  }
  const air = (max - min || Math.abs(max) || 1) * 0.06;
  return { kind: 'linear', min: min >= 0 ? Math.max(0, min - air) : min - air, max: max + air };
}

/** A tick's value as it is written beside the axis. */
export function tickLabel(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size >= 10_000 && value % 1000 === 0) return `${value / 1000}k`;
  return size < 0.01 || size >= 1e6 ? value.toExponential().replace('e+', 'e') : String(value);
}
