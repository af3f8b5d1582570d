/**
 * The confusion matrix as a grid to look at and to walk: which classes have a row, how dark a cell is, where a key leads,
 * and a cell in words. Pure.
 */

import type { ClassMetrics } from '@unet-fleet/law';
import { nameOf } from '@unet-fleet/pictures/models/class-map';
import type { Cell } from '@unet-fleet/pictures/models/confusion';
import { percent } from '../common/text.ts';

/** share: of the true class' pixels; pixels: all of them, by their logarithm. */
export type Scale = 'share' | 'log-share' | 'log-pixels';

/** Rows and columns, by class: those that occur in truth or prediction, or all. */
export const shownClasses = (classes: readonly ClassMetrics[], all: boolean): number[] =>
  classes.filter(({ presence }) => all || presence !== 'absent').map(({ classIndex }) => classIndex);

/** 0: nothing, 1: as much as can be. Logarithmic scales show one pixel of a million still. */
export function intensity(count: number, rowSum: number, largest: number, scale: Scale): number {
  if (count <= 0 || rowSum <= 0) return 0;
  if (scale === 'share') return count / rowSum;
  if (scale === 'log-pixels') return Math.log1p(count) / Math.log1p(largest);
  // Four decades of the share, from a ten-thousandth.
  return Math.max(0.04, 1 + Math.log10(count / rowSum) / 4);
}

/** The cell that a key leads to; null if the key is not for the grid. Rows and columns are positions, not classes. */
export function cellAfterKey(
  at: { row: number; column: number },
  key: string,
  size: number,
  isWide: boolean,
): { row: number; column: number } | null {
  const last = size - 1;
  const clamp = (value: number) => Math.min(last, Math.max(0, value));
  switch (key) {
    case 'ArrowUp':
      return { ...at, row: clamp(at.row - 1) };
    case 'ArrowDown':
      return { ...at, row: clamp(at.row + 1) };
    case 'ArrowLeft':
      return { ...at, column: clamp(at.column - 1) };
    case 'ArrowRight':
      return { ...at, column: clamp(at.column + 1) };
    case 'PageUp':
      return { ...at, row: clamp(at.row - 10) };
    case 'PageDown':
      return { ...at, row: clamp(at.row + 10) };
    // With Ctrl to the corners, as grids do.
    case 'Home':
      return { row: isWide ? 0 : at.row, column: 0 };
    case 'End':
      return { row: isWide ? last : at.row, column: last };
    default:
      return null;
  }
}

/** One sentence: what was there, what was said, how many pixels, and what share. */
export function cellInWords(
  { truth, prediction }: Cell,
  count: number,
  rowSum: number,
  names: readonly string[],
): string {
  const wanted = nameOf(names, truth);
  if (rowSum === 0) {
    return `${wanted} is nowhere in the truth; no pixel can be taken for ${nameOf(names, prediction)}.`;
  }
  const share = percent(count / rowSum);
  const pixels = `${count.toLocaleString('en')} of ${rowSum.toLocaleString('en')} pixels of ${wanted} (${share})`;
  return truth === prediction
    ? `${pixels} were found.`
    : `${pixels} were taken for ${nameOf(names, prediction)}.`;
}
