/** A legend of classes in as many columns as fit, read downwards. */
import { rectSvg } from './canvas.ts';
import { type ClassScheme, cssOfLabel, nameOfLabel } from './models/class-map.ts';
import { textSvg, textWidth } from './text.ts';

export interface LegendLayout {
  heightPx: number;
  /** SVG elements with the legend's top left corner at (x, y). */
  draw(x: number, y: number): string[];
}

/** Lays out the labels, in the order given, within a width. Names wider than the whole legend are cut. */
export function layOutLegend(
  labels: number[],
  scheme: ClassScheme,
  widthPx: number,
  sizePx: number,
): LegendLayout {
  const swatchPx = Math.round(sizePx * 0.95);
  const gapPx = Math.round(sizePx * 0.5);
  const rowPx = Math.round(sizePx * 1.6);
  const roomPx = Math.max(sizePx, Math.min(widthPx - swatchPx - 3 * gapPx, sizePx * 16));
  const style = { sizePx, maxWidthPx: roomPx };
  const names = labels.map((label) => nameOfLabel(scheme, label));
  const columnPx = swatchPx + 3 * gapPx + Math.max(0, ...names.map((name) => textWidth(name, style)));
  const numFitting = Math.max(1, Math.floor((widthPx + 2 * gapPx) / columnPx));
  const numRows = Math.ceil(labels.length / numFitting);
  return {
    heightPx: numRows * rowPx,
    draw: (x, y) =>
      labels.flatMap((label, index) => {
        const left = x + Math.floor(index / numRows) * columnPx;
        const top = y + (index % numRows) * rowPx;
        return [
          rectSvg(left + 0.5, top + 0.5, swatchPx, swatchPx, {
            fill: cssOfLabel(scheme, label),
            stroke: '#8a8d91',
            radius: 2,
          }),
          textSvg(names[index]!, left + swatchPx + gapPx, top + sizePx * 0.85, style),
        ];
      }),
  };
}
