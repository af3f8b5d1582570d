/** What is written for one photo: index mask, grey map, overlay and figure, all at the photo's own size. */
import { dirname, resolve, sep } from 'node:path';
import { emptyConfusion, metricsOf } from '@unet-fleet/law';
import {
  type ClassScheme,
  encodeRgb,
  type LabelMap,
  overlayMask,
  predictionFigure,
  type RgbImage,
} from '@unet-fleet/pictures';
import { makeFolder, writeWhole } from '@unet-fleet/shared';
import sharp from 'sharp';

export interface PredictionFiles {
  mask: string;
  grey: string;
  overlay: string;
  figure: string;
}

export interface Prediction {
  id: string;
  photo: RgbImage;
  prediction: LabelMap;
  truth: LabelMap | null;
  numClasses: number;
  scheme: ClassScheme;
}

/** Writes the four files below `outDir`, whose subfolders are made as needed. */
export async function writePrediction(prediction: Prediction, outDir: string): Promise<PredictionFiles> {
  const { id, photo, prediction: map, truth, numClasses, scheme } = prediction;
  const paths = pathsOf(id, outDir);
  const size = `${photo.width} x ${photo.height} px`;
  const subtitle = truth ? `${size} · ${scoresOf(truth, map, numClasses, scheme.ignoreIndex)}` : size;
  const files: [string, Promise<Buffer>][] = [
    [paths.mask, indexMask(map, numClasses)],
    [paths.grey, greyMap(map, numClasses)],
    [paths.overlay, encodeRgb(overlayMask(photo, map, scheme))],
    [paths.figure, predictionFigure({ title: id, subtitle, photo, prediction: map, truth, scheme })],
  ];
  const contents = await Promise.all(files.map(([, content]) => content));
  makeFolder(dirname(paths.mask));
  for (const [index, [path]] of files.entries()) await writeWhole(path, contents[index]!);
  return paths;
}

function pathsOf(id: string, outDir: string): PredictionFiles {
  const base = resolve(outDir, id);
  if (!base.startsWith(resolve(outDir) + sep)) throw new Error(`the id ${id} leads out of ${outDir}`);
  return {
    mask: `${base}_mask.png`,
    grey: `${base}_grey.png`,
    overlay: `${base}_overlay.png`,
    figure: `${base}_figure.png`,
  };
}

/** Class indices as grey values, for programs: 8 bits a pixel, 16 above 256 classes. */
export function indexMask({ width, height, labels }: LabelMap, numClasses: number): Promise<Buffer> {
  const isWide = numClasses > 256;
  const values = isWide ? Uint16Array.from(labels) : Uint8Array.from(labels);
  return sharp(values, { raw: { width, height, channels: 1 }, limitInputPixels: false })
    .toColourspace(isWide ? 'grey16' : 'b-w')
    .png()
    .toBuffer();
}

/** Classes spread over the greys from 0 to 255, for eyes: round(index * 255 / (numClasses - 1)). */
export function greyMap({ width, height, labels }: LabelMap, numClasses: number): Promise<Buffer> {
  const greys = Uint8Array.from({ length: numClasses }, (_, label) =>
    Math.round((label * 255) / Math.max(1, numClasses - 1)),
  );
  const values = new Uint8Array(labels.length);
  labels.forEach((label, pixel) => {
    values[pixel] = greys[label]!;
  });
  return sharp(values, { raw: { width, height, channels: 1 }, limitInputPixels: false })
    .toColourspace('b-w')
    .png()
    .toBuffer();
}

function scoresOf(truth: LabelMap, prediction: LabelMap, numClasses: number, ignoreIndex: number): string {
  const confusion = emptyConfusion(numClasses);
  truth.labels.forEach((label, pixel) => {
    if (label !== ignoreIndex) confusion[label * numClasses + prediction.labels[pixel]!]!++;
  });
  const { pixelAccuracy, meanIou, numClassesCounted } = metricsOf(confusion, numClasses);
  if (pixelAccuracy === null || meanIou === null) return 'no pixel of the truth counts';
  return `pixel accuracy ${(pixelAccuracy * 100).toFixed(1)} % · mean IoU ${meanIou.toFixed(3)} over ${numClassesCounted} classes`;
}
