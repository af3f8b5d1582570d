/** What the turns of a measurement come to: the middle, and how far they lie apart. */

export interface Spread {
  median: number;
  least: number;
  most: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const spreadOf = (values: readonly number[]): Spread => ({
  median: median(values),
  least: Math.min(...values),
  most: Math.max(...values),
});

/** Such as "0.81 (0.78 to 0.83)"; three digits that count, and all of a number that has more. */
export const spreadText = ({ median, least, most }: Spread): string =>
  `${numberText(median)} (${numberText(least)} to ${numberText(most)})`;

export function numberText(value: number): string {
  const numDecimals = Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1))));
  return value.toFixed(numDecimals);
}
