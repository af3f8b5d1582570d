/**
 * Panels side by side, each with a title, above a legend of the classes that occur in them. The figure that
 * `predict` writes for each photo.
 */
import { type RgbImage, renderPng, resizeRgb } from './canvas.ts';
import { layOutLegend } from './legend.ts';
import { type ClassScheme, type LabelMap, labelsIn, resizeLabelMap } from './models/class-map.ts';
import { colourMask, errorMap, overlayMask } from './overlay.ts';
import { textSvg } from './text.ts';

/** Panels are at the photo's own size within these limits of their longer side, in pixels. */
const panelLimits = { min: 320, max: 2048 };
/** A side that would be shorter, of a strip, is drawn this long, so that there is something to see. */
const minSidePx = 16;
/** Room for the title of a panel that is narrower. */
const minColumnPx = 110;

export interface PredictionFigure {
  title: string;
  /** Second line, such as the scores; '' for none. */
  subtitle: string;
  photo: RgbImage;
  prediction: LabelMap;
  /** Null where there is none. */
  truth: LabelMap | null;
  scheme: ClassScheme;
}

/**
 * PNG: photo, prediction and overlay; with a truth: photo, truth, prediction, and where they differ. Masks must have
 * the photo's size. Photos whose longer side is under 320 px are enlarged by a whole factor, over 2048 px reduced; the
 * shorter side of a strip is drawn at 16 px.
 */
export async function predictionFigure(figure: PredictionFigure): Promise<Buffer> {
  const { photo, scheme } = figure;
  const scale = panelScale(Math.max(photo.width, photo.height));
  const width = Math.max(minSidePx, Math.round(photo.width * scale));
  const height = Math.max(minSidePx, Math.round(photo.height * scale));
  const shown = await resizeRgb(photo, width, height, scale > 1 ? 'nearest' : 'lanczos3');
  const prediction = resizeLabelMap(figure.prediction, width, height);
  const truth = figure.truth && resizeLabelMap(figure.truth, width, height);
  const panels: Panel[] = truth
    ? [
        { title: 'photo', image: shown },
        { title: 'truth', image: colourMask(truth, scheme) },
        { title: 'prediction', image: colourMask(prediction, scheme) },
        { title: 'wrong pixels', image: errorMap(shown, truth, prediction, scheme) },
      ]
    : [
        { title: 'photo', image: shown },
        { title: 'prediction', image: colourMask(prediction, scheme) },
        { title: 'overlay', image: overlayMask(shown, prediction, scheme) },
      ];
  const labels = labelsIn(truth ? [prediction, truth] : [prediction], scheme);
  return renderPanels(figure.title, figure.subtitle, panels, labels, scheme);
}

interface Panel {
  title: string;
  image: RgbImage;
}

const panelScale = (longerSide: number): number => {
  if (longerSide > panelLimits.max) return panelLimits.max / longerSide;
  return longerSide < panelLimits.min ? Math.ceil(panelLimits.min / longerSide) : 1;
};

function renderPanels(
  title: string,
  subtitle: string,
  panels: Panel[],
  labels: number[],
  scheme: ClassScheme,
): Promise<Buffer> {
  const { width, height } = panels[0]!.image;
  const sizePx = Math.round(Math.min(36, Math.max(13, (panels.length * width) / 90)));
  const marginPx = Math.round(sizePx * 1.2);
  const columnPx = Math.max(minColumnPx, width);
  const figurePx = panels.length * (columnPx + marginPx) + marginPx;
  const roomPx = figurePx - 2 * marginPx;
  const titlePx = Math.round(sizePx * 1.25);
  let top = marginPx + titlePx;
  const svg = [textSvg(title, marginPx, top, { sizePx: titlePx, weight: 'bold', maxWidthPx: roomPx })];
  if (subtitle !== '') {
    top += Math.round(sizePx * 1.5);
    svg.push(textSvg(subtitle, marginPx, top, { sizePx, fill: '#55595f', maxWidthPx: roomPx }));
  }
  top += Math.round(sizePx * 2);
  const imageTop = top + Math.round(sizePx * 0.6);
  const layers = panels.map(({ title: name, image }, index) => {
    const left = marginPx + index * (columnPx + marginPx);
    svg.push(textSvg(name, left, top, { sizePx, maxWidthPx: columnPx }));
    return { left, top: imageTop, image };
  });
  const legend = layOutLegend(labels, scheme, roomPx, sizePx);
  const legendTop = imageTop + height + marginPx;
  svg.push(...legend.draw(marginPx, legendTop));
  return renderPng({ width: figurePx, height: legendTop + legend.heightPx + marginPx, layers, svg });
}
