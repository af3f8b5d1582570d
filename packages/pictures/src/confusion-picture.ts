/**
 * A confusion matrix as a heat map: each row is one true class, its cells the shares of its pixels that were
 * predicted as each class. Normalising by row keeps a class of a thousand pixels as readable as the background.
 */
import { counted, metricsOf } from '@unet-fleet/law';
import { rectSvg, renderPng } from './canvas.ts';
import { type ClassScheme, nameOfLabel } from './models/class-map.ts';
import { cellOf, occurringClasses } from './models/confusion.ts';
import { textSvg, textWidth } from './text.ts';

/** Above this many classes cells are too small to read; the classes with the most true pixels are drawn. */
const maxShown = 100;

/**
 * PNG of the matrix (row = truth, numClasses x numClasses). Classes that occur in neither truth nor prediction are
 * left out and counted in the caption.
 */
export function confusionPicture(
  title: string,
  confusion: Float64Array,
  numClasses: number,
  scheme: ClassScheme,
): Promise<Buffer> {
  const { classes } = metricsOf(confusion, numClasses);
  const occurring = occurringClasses(classes).map(({ classIndex }) => classIndex);
  const shown = occurring.slice(0, maxShown).sort((a, b) => a - b);
  const numShown = shown.length;
  const cellPx = numShown <= 10 ? 56 : numShown <= 20 ? 40 : numShown <= 40 ? 24 : 18;
  const namePx = Math.min(14, Math.max(11, cellPx * 0.6));
  const names = shown.map((label) => nameOfLabel(scheme, label));
  const nameStyle = { sizePx: namePx, maxWidthPx: namePx * 11 };
  const gutterPx = Math.max(40, ...names.map((name) => textWidth(name, nameStyle))) + 12;
  const left = 24 + 22 + gutterPx;
  const top = 96 + gutterPx;
  const gridPx = Math.max(1, numShown) * cellPx;
  const width = Math.max(560, left + gridPx + 110);
  const svg = [
    ...heading(title, width, numClasses - occurring.length, occurring.length - numShown),
    textSvg('prediction', left, 88, { sizePx: 13, weight: 'bold' }),
    textSvg('truth', 34, top, { sizePx: 13, weight: 'bold', anchor: 'end', rotate: -90 }),
  ];
  names.forEach((name, index) => {
    const middle = (index + 0.5) * cellPx;
    svg.push(
      textSvg(name, left - 8, top + middle + namePx * 0.36, { ...nameStyle, anchor: 'end' }),
      textSvg(name, left + middle + namePx * 0.36, top - 8, { ...nameStyle, rotate: -90 }),
    );
  });
  shown.forEach((truth, row) => {
    shown.forEach((prediction, column) => {
      const { share } = cellOf(confusion, classes, { truth, prediction });
      svg.push(...cellSvg(share, left + column * cellPx, top + row * cellPx, cellPx));
    });
  });
  svg.push(rectSvg(left, top, gridPx, gridPx, { stroke: '#8a8d91' }));
  svg.push(...colourBar(left + gridPx + 24, top, Math.min(260, Math.max(150, gridPx))));
  return renderPng({ width, height: Math.max(top + gridPx, top + 170) + 28, layers: [], svg });
}

function heading(title: string, width: number, numAbsent: number, numLeftOut: number): string[] {
  const notes = ['share of each true class by predicted class (rows add to 100 %)'];
  if (numAbsent > 0) notes.push(`${counted(numAbsent, 'absent class', 'absent classes')} left out`);
  if (numLeftOut > 0) notes.push(`${numLeftOut} rarer classes left out`);
  const maxWidthPx = width - 48;
  return [
    textSvg(title, 24, 36, { sizePx: 19, weight: 'bold', maxWidthPx }),
    textSvg(notes.join('; '), 24, 60, { sizePx: 13, fill: '#55595f', maxWidthPx }),
  ];
}

function cellSvg(share: number | null, x: number, y: number, cellPx: number): string[] {
  const fill = share === null ? '#ececec' : shade(share);
  const cell = rectSvg(x, y, cellPx, cellPx, { fill, stroke: '#ffffff' });
  if (share === null || cellPx < 24 || share < 0.0005) return [cell];
  const sizePx = cellPx * 0.3;
  const percent = share * 100;
  const digits = percent < 9.95 && cellPx >= 40 ? percent.toFixed(1) : percent.toFixed(0);
  const style = { sizePx, anchor: 'middle' as const, fill: share > 0.3 ? '#ffffff' : '#30343a' };
  return [cell, textSvg(digits, x + cellPx / 2, y + cellPx / 2 + sizePx * 0.36, style)];
}

/** Anchors of the colour scale, light to dark. Shares are stretched by a root, so that 2 % can be told from none. */
const scaleAnchors = [
  [247, 250, 253],
  [189, 215, 238],
  [107, 166, 214],
  [33, 102, 172],
  [8, 39, 92],
];

function shade(share: number): string {
  const position = Math.min(1, Math.max(0, share)) ** 0.6 * (scaleAnchors.length - 1);
  const index = Math.min(scaleAnchors.length - 2, Math.floor(position));
  const rgb = scaleAnchors[index]!.map((value, channel) =>
    Math.round(value + (scaleAnchors[index + 1]![channel]! - value) * (position - index)),
  );
  return `rgb(${rgb.join(',')})`;
}

function colourBar(x: number, y: number, heightPx: number): string[] {
  const numBands = 50;
  const bands = Array.from({ length: numBands }, (_, band) =>
    rectSvg(x, y + (band * heightPx) / numBands, 14, heightPx / numBands + 0.5, {
      fill: shade(1 - band / (numBands - 1)),
    }),
  );
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    textSvg(`${share * 100} %`, x + 20, y + (1 - share) * heightPx + 4, { sizePx: 12 }),
  );
  return [...bands, rectSvg(x, y, 14, heightPx, { stroke: '#8a8d91' }), ...ticks];
}
