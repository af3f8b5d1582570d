/** Draws the confusion matrix on a canvas, as large as its frame allows, with class names where there is room. */

import type { ClassMetrics } from '@unet-fleet/law';
import { nameOf } from '@unet-fleet/pictures/models/class-map';
import { intensity, type Scale } from './matrix.ts';

export interface GridLayout {
  cellPx: number;
  /** Of the names, left and above; 0 where there is no room for them. */
  marginPx: number;
  sizePx: number;
}

const smallestCellWithNames = 11;
const largestCell = 52;
/** From here on a cell has room for its share in figures. */
const smallestCellWithFigures = 34;

/** `numShown` classes in a frame of that width, with names of that many pixels. */
export function gridLayout(numShown: number, widthPx: number, nameWidthPx: number): GridLayout {
  const marginPx = Math.min(nameWidthPx, 130) + 12;
  const withNames = Math.floor((widthPx - marginPx) / numShown);
  if (withNames >= smallestCellWithNames) {
    const cellPx = Math.min(largestCell, withNames);
    return { cellPx, marginPx, sizePx: marginPx + cellPx * numShown };
  }
  // Parts of a pixel: a matrix of many classes fills a phone's width all the same.
  const cellPx = Math.min(smallestCellWithNames, Math.max(3, widthPx / numShown));
  return { cellPx, marginPx: 0, sizePx: cellPx * numShown };
}

/** The cell under a point; null in the margins. */
export function cellAt(
  { cellPx, marginPx }: GridLayout,
  numShown: number,
  x: number,
  y: number,
): { row: number; column: number } | null {
  const column = Math.floor((x - marginPx) / cellPx);
  const row = Math.floor((y - marginPx) / cellPx);
  return row >= 0 && column >= 0 && row < numShown && column < numShown ? { row, column } : null;
}

export interface Drawing {
  layout: GridLayout;
  /** Class of each row and column. */
  shown: readonly number[];
  dense: Float64Array;
  classes: readonly ClassMetrics[];
  names: readonly string[];
  scale: Scale;
  active: { row: number; column: number } | null;
  selected: { row: number; column: number } | null;
}

export function drawGrid(canvas: HTMLCanvasElement, drawing: Drawing): void {
  const { layout, shown, dense, classes, scale, active, selected } = drawing;
  const { cellPx, marginPx, sizePx } = layout;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(sizePx * ratio);
  canvas.height = Math.round(sizePx * ratio);
  canvas.style.width = `${sizePx}px`;
  canvas.style.height = `${sizePx}px`;
  const context = canvas.getContext('2d')!;
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const rightColour = style.getPropertyValue('--matrix-right').trim() || '#1f6feb';
  const wrongColour = style.getPropertyValue('--matrix-wrong').trim() || '#d9480f';

  const numClasses = classes.length;
  let largest = 0;
  for (const count of dense) largest = Math.max(largest, count);
  const gap = cellPx >= 9 ? 1 : 0;
  shown.forEach((truth, row) => {
    const rowSum = classes[truth]!.numTruthPixels;
    shown.forEach((prediction, column) => {
      const share = intensity(dense[truth * numClasses + prediction]!, rowSum, largest, scale);
      context.globalAlpha = share === 0 ? 0.06 : 0.12 + 0.88 * share;
      context.fillStyle = share === 0 ? style.color : row === column ? rightColour : wrongColour;
      const [x, y] = [marginPx + column * cellPx, marginPx + row * cellPx];
      context.fillRect(x, y, cellPx - gap, cellPx - gap);
    });
  });
  context.globalAlpha = 1;

  if (marginPx > 0) drawNames(context, drawing, style);
  if (cellPx >= smallestCellWithFigures) drawFigures(context, drawing, style);
  const frame = (at: { row: number; column: number }, width: number, colour: string) => {
    context.lineWidth = width;
    context.strokeStyle = colour;
    const [x, y] = [marginPx + at.column * cellPx, marginPx + at.row * cellPx];
    context.strokeRect(x - 1, y - 1, cellPx + 1, cellPx + 1);
  };
  if (selected !== null) frame(selected, 2, style.color);
  if (active !== null) frame(active, 3, style.getPropertyValue('--focus').trim() || style.color);
}

function drawNames(context: CanvasRenderingContext2D, drawing: Drawing, style: CSSStyleDeclaration): void {
  const { layout, shown, names } = drawing;
  const { cellPx, marginPx } = layout;
  context.fillStyle = style.color;
  context.font = nameFont(cellPx, style);
  context.textBaseline = 'middle';
  shown.forEach((classIndex, at) => {
    const name = nameOf(names, classIndex);
    const middle = marginPx + (at + 0.5) * cellPx;
    context.textAlign = 'right';
    context.fillText(name, marginPx - 6, middle, marginPx - 8);
    context.save();
    context.translate(middle, marginPx - 6);
    context.rotate(-Math.PI / 2);
    context.textAlign = 'left';
    context.fillText(name, 0, 0, marginPx - 8);
    context.restore();
  });
}

/** Percent of the true class, where it is a percent at least. */
function drawFigures(context: CanvasRenderingContext2D, drawing: Drawing, style: CSSStyleDeclaration): void {
  const { layout, shown, dense, classes, scale } = drawing;
  const { cellPx, marginPx } = layout;
  context.font = `12px ${style.fontFamily}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const largest = dense.reduce((most, count) => Math.max(most, count), 0);
  shown.forEach((truth, row) => {
    const rowSum = classes[truth]!.numTruthPixels;
    shown.forEach((prediction, column) => {
      const count = dense[truth * classes.length + prediction]!;
      const percent = Math.round((count / rowSum) * 100);
      if (!(percent >= 1)) return;
      // Dark cells are dark in either scheme.
      context.fillStyle = intensity(count, rowSum, largest, scale) > 0.55 ? '#fff' : style.color;
      context.fillText(String(percent), marginPx + (column + 0.5) * cellPx, marginPx + (row + 0.5) * cellPx);
    });
  });
}

export const nameFont = (cellPx: number, style: CSSStyleDeclaration): string =>
  `${Math.min(13, Math.max(10, cellPx - 1))}px ${style.fontFamily}`;
