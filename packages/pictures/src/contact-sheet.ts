/** Many samples at a glance: photo, mask and overlay of each, with its id, above one legend. */
import { type Layer, type RgbImage, renderPng, resizeRgb } from './canvas.ts';
import { layOutLegend } from './legend.ts';
import { type ClassScheme, type LabelMap, labelsIn, resizeLabelMap, scaledSize } from './models/class-map.ts';
import { colourMask, overlayMask } from './overlay.ts';
import { textSvg } from './text.ts';

/** Photo and mask have the same size. */
export interface SheetSample {
  id: string;
  photo: RgbImage;
  mask: LabelMap;
}

const thumbPx = 240;
const gapPx = 6;
const marginPx = 22;
const sizePx = 14;
const captionPx = 24;
/** Wide enough for two portrait samples beside each other on a screen. */
const sheetPx = 1240;

/** PNG. The legend lists only the classes that occur in these samples. */
export async function contactSheet(
  title: string,
  samples: SheetSample[],
  scheme: ClassScheme,
): Promise<Buffer> {
  const sizes = samples.map(({ photo }) => scaledSize(photo, thumbPx / Math.max(photo.width, photo.height)));
  const cellWidth = 3 * Math.max(1, ...sizes.map(({ width }) => width)) + 2 * gapPx;
  const cellHeight = captionPx + Math.max(1, ...sizes.map(({ height }) => height)) + marginPx;
  const numFitting = Math.floor((sheetPx - marginPx) / (cellWidth + marginPx));
  const numColumns = Math.max(1, Math.min(samples.length, numFitting));
  const width = Math.max(640, marginPx + numColumns * (cellWidth + marginPx));
  const top = 64;
  const svg = [
    textSvg(title, marginPx, 38, { sizePx: 19, weight: 'bold', maxWidthPx: width - 2 * marginPx }),
  ];
  const layers: Layer[] = [];
  for (const [index, sample] of samples.entries()) {
    const left = marginPx + (index % numColumns) * (cellWidth + marginPx);
    const cellTop = top + Math.floor(index / numColumns) * cellHeight;
    const size = sizes[index]!;
    svg.push(textSvg(sample.id, left, cellTop + sizePx, { sizePx, maxWidthPx: cellWidth }));
    const images = await thumbsOf(sample, size.width, size.height, scheme);
    images.forEach((image, position) => {
      layers.push({ left: left + position * (size.width + gapPx), top: cellTop + captionPx, image });
    });
  }
  const present = labelsIn(
    samples.map(({ mask }) => mask),
    scheme,
  );
  const legend = layOutLegend(present, scheme, width - 2 * marginPx, sizePx);
  const legendTop = top + Math.ceil(samples.length / numColumns) * cellHeight + 4;
  svg.push(...legend.draw(marginPx, legendTop));
  return renderPng({ width, height: legendTop + legend.heightPx + marginPx, layers, svg });
}

async function thumbsOf(
  sample: SheetSample,
  width: number,
  height: number,
  scheme: ClassScheme,
): Promise<RgbImage[]> {
  const photo = await resizeRgb(sample.photo, width, height);
  const mask = resizeLabelMap(sample.mask, width, height);
  return [photo, colourMask(mask, scheme), overlayMask(photo, mask, scheme)];
}
