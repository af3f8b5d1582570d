/** What is drawn of a curve and what is said about it: smoothing, its line, values at a step, a curve in words. Pure. */

/** One point of a curve, [step, value]; null breaks the line. */
export type Point = [step: number, value: number | null];

/** Steps shown; both ends belong to it. */
export interface Range {
  from: number;
  to: number;
}

/**
 * Exponential moving average whose start is corrected for having seen little, as TensorBoard smooths.
 * weight: 0 leaves the curve as it is, values near 1 smooth most. Breaks stay breaks, and the average goes on behind them.
 */
export function smoothed(points: readonly Point[], weight: number): Point[] {
  if (weight <= 0) return [...points];
  let mean = 0;
  let share = 0;
  return points.map(([step, value]) => {
    if (value === null) return [step, null];
    mean = weight * mean + (1 - weight) * value;
    share = weight * share + (1 - weight);
    return [step, mean / share];
  });
}

/** The weight that averages over about so many points. */
export const weightOver = (numPoints: number): number => 1 - 1 / Math.max(1, numPoints);

/** A logarithm has no place for zero and below: there the line is broken. */
export const positive = (points: readonly Point[]): Point[] =>
  points.map(([step, value]) => [step, value !== null && value > 0 ? value : null]);

/** Not a break. */
export const isKnown = (point: Point): point is [number, number] => point[1] !== null;

export type Place = [x: number, y: number];

/** The curve between its breaks, each stretch as the places of its points. */
export function stretchesOf(
  points: readonly Point[],
  x: (step: number) => number,
  y: (value: number) => number,
): Place[][] {
  const stretches: Place[][] = [];
  let isBroken = true;
  for (const [step, value] of points) {
    if (value !== null) {
      if (isBroken) stretches.push([]);
      stretches.at(-1)!.push([x(step), y(value)]);
    }
    isBroken = value === null;
  }
  return stretches;
}

/** As an SVG path, in so many parts of a pixel. A point between two breaks has no length, but round caps show it. */
export function pathOf(stretches: readonly Place[][], parts = 10): string {
  const round = (value: number) => Math.round(value * parts) / parts;
  const places = (stretch: Place[]) => stretch.map(([x, y]) => `${round(x)} ${round(y)}`).join('L');
  return stretches.map((stretch) => `M${places(stretch)}${stretch.length === 1 ? 'h0' : ''}`).join('');
}

/** The last point that has a value. */
export const lastPoint = (points: readonly Point[]): [step: number, value: number] | null =>
  points.findLast(isKnown) ?? null;

/** The newest value at this step or before it; null: none yet. */
export function valueAt(points: readonly Point[], step: number): number | null {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle]![0] <= step) low = middle + 1;
    else high = middle;
  }
  for (let index = low - 1; index >= 0; index--) {
    const value = points[index]![1];
    if (value !== null) return value;
  }
  return null;
}

/** First and last step of all of these; null while there is no point. */
export function extentOf(curves: readonly (readonly Point[])[]): Range | null {
  const drawn = curves.filter((points) => points.length > 0);
  if (drawn.length === 0) return null;
  return {
    from: Math.min(...drawn.map((points) => points[0]![0])),
    to: Math.max(...drawn.map((points) => points.at(-1)![0])),
  };
}

/** The part of the range that lies in the extent; null, which is everything, where nothing of it is left out or shown. */
export function clampedRange(range: Range | null, extent: Range | null): Range | null {
  if (range === null || extent === null) return null;
  const from = Math.max(range.from, extent.from);
  const to = Math.min(range.to, extent.to);
  if (from >= to || (from === extent.from && to === extent.to)) return null;
  return { from, to };
}

export type Format = (value: number) => string;

/** Large and small values alike in few characters. */
export const figure: Format = (value) => {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) {
    return Number(value.toPrecision(3)).toExponential().replace('e+', 'e');
  }
  return String(size >= 1e4 ? Math.round(value) : Number(value.toPrecision(4)));
};

export const percentage: Format = (value) => `${(value * 100).toFixed(1)} %`;

/** Labels of an axis of shares: as few digits as say where its ticks are. */
export function percentTicks(shares: readonly number[]): string[] {
  const labels = (digits: number) => shares.map((share) => `${(share * 100).toFixed(digits)} %`);
  const isExact = (label: string, index: number) =>
    Math.abs(Number.parseFloat(label) - shares[index]! * 100) < 1e-6;
  const digits = [0, 1, 2].find((count) => labels(count).every(isExact)) ?? 3;
  return labels(digits);
}

/** A curve for those who do not see it. */
export function curveInWords(name: string, points: readonly Point[], format: Format): string {
  const known = points.filter(isKnown);
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined) return `${name}: no points yet`;
  if (known.length === 1) return `${name}: 1 point, ${format(last[1])} at step ${last[0]}`;
  const lowest = known.reduce((best, point) => (point[1] < best[1] ? point : best));
  const highest = known.reduce((best, point) => (point[1] > best[1] ? point : best));
  return (
    `${name}: ${known.length} points, from ${format(first[1])} at step ${first[0]} to ${format(last[1])} at ` +
    `step ${last[0]}; lowest ${format(lowest[1])} at step ${lowest[0]}, highest ${format(highest[1])} at step ${highest[0]}`
  );
}
