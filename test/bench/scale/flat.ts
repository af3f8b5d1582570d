/** Whether memory stays as it is over a run. Pure. */
import { median } from '../spread.ts';

export interface Flatness {
  /** Medians. */
  firstThirdBytes: number;
  lastThirdBytes: number;
  isFlat: boolean;
}

/** What a garbage collector may leave lying more at one time than at another. */
const toleranceShare = 0.1;
const toleranceBytes = 24 * 2 ** 20;

/** Of values in order, of which the first tenth is for warming up. */
export function flatnessOf(bytes: readonly number[]): Flatness {
  const warm = bytes.slice(Math.floor(bytes.length / 10));
  const third = Math.max(1, Math.floor(warm.length / 3));
  const firstThirdBytes = median(warm.slice(0, third));
  const lastThirdBytes = median(warm.slice(-third));
  const mostBytes = firstThirdBytes + Math.max(toleranceBytes, firstThirdBytes * toleranceShare);
  return { firstThirdBytes, lastThirdBytes, isFlat: lastThirdBytes <= mostBytes };
}
