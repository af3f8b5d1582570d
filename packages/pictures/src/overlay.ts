/**
 * Masks in colour, alone, over their photo, and against the truth. All pure: pixels in, pixels out, same size.
 */
import type { RgbImage } from './canvas.ts';
import {
  assertSameSize,
  type ClassScheme,
  colourOfLabel,
  type LabelMap,
  labelsIn,
} from './models/class-map.ts';
import type { Rgb } from './models/palette.ts';

/** Each pixel in the colour of its label. */
export function colourMask(map: LabelMap, scheme: ClassScheme): RgbImage {
  const { width, height, labels } = map;
  const pixels = new Uint8Array(labels.length * 3);
  const colours = colourTable(map, scheme);
  for (let pixel = 0; pixel < labels.length; pixel++) {
    const entry = labels[pixel]! * 3;
    for (let channel = 0; channel < 3; channel++) pixels[pixel * 3 + channel] = colours[entry + channel]!;
  }
  return { width, height, pixels };
}

export interface OverlayOptions {
  /** Of the classes' tint, 0..1; class 0, most often the background, gets a third of it. */
  opacity?: number;
  /** Draw the edges of each class but 0 in its full colour, a 400th of the shorter side thick. */
  outlines?: boolean;
}

/** The photo, tinted by class. Throws if the sizes differ. */
export function overlayMask(
  photo: RgbImage,
  map: LabelMap,
  scheme: ClassScheme,
  { opacity = 0.5, outlines = true }: OverlayOptions = {},
): RgbImage {
  assertSameSize(photo, map);
  const { labels } = map;
  const pixels = new Uint8Array(photo.pixels.length);
  const colours = colourTable(map, scheme);
  const isEdge = outlines ? edgesOf(map) : null;
  for (let pixel = 0; pixel < labels.length; pixel++) {
    const label = labels[pixel]!;
    const share = label === 0 ? opacity / 3 : isEdge?.[pixel] === 1 ? 1 : opacity;
    for (let channel = 0; channel < 3; channel++) {
      const at = pixel * 3 + channel;
      pixels[at] = Math.round(photo.pixels[at]! * (1 - share) + colours[label * 3 + channel]! * share);
    }
  }
  return { width: photo.width, height: photo.height, pixels };
}

const wrongColour: Rgb = [227, 26, 28];

/** The photo in pale grey with the wrongly predicted pixels in red; ignored pixels are never wrong. */
export function errorMap(
  photo: RgbImage,
  truth: LabelMap,
  prediction: LabelMap,
  { ignoreIndex }: ClassScheme,
): RgbImage {
  assertSameSize(photo, truth);
  assertSameSize(photo, prediction);
  const pixels = new Uint8Array(photo.pixels.length);
  for (let pixel = 0; pixel < truth.labels.length; pixel++) {
    const at = pixel * 3;
    const luminance =
      0.299 * photo.pixels[at]! + 0.587 * photo.pixels[at + 1]! + 0.114 * photo.pixels[at + 2]!;
    const grey = 120 + 0.5 * luminance;
    const label = truth.labels[pixel];
    const isWrong = label !== ignoreIndex && label !== prediction.labels[pixel];
    for (let channel = 0; channel < 3; channel++) {
      pixels[at + channel] = Math.round(isWrong ? 0.25 * grey + 0.75 * wrongColour[channel]! : grey);
    }
  }
  return { width: photo.width, height: photo.height, pixels };
}

/** 1 where a pixel within the outline's thickness to the right or below, left or above has another label. */
function edgesOf({ width, height, labels }: LabelMap): Uint8Array {
  const edges = new Uint8Array(labels.length);
  const reach = Math.max(1, Math.round(Math.min(width, height) / 400));
  const compare = (pixel: number, step: number) => {
    if (labels[pixel] === labels[pixel + step]) return;
    for (let distance = 0; distance < reach; distance++) {
      const [before, after] = [pixel - distance * step, pixel + (distance + 1) * step];
      if (labels[before] === labels[pixel]) edges[before] = 1;
      if (labels[after] === labels[pixel + step]) edges[after] = 1;
    }
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (x + 1 < width) compare(y * width + x, 1);
      if (y + 1 < height) compare(y * width + x, width);
    }
  }
  return edges;
}

/** Three bytes for each label of the map, at label * 3. */
function colourTable(map: LabelMap, scheme: ClassScheme): Uint8Array {
  const table = new Uint8Array(65536 * 3);
  for (const label of labelsIn([map], scheme)) table.set(colourOfLabel(scheme, label), label * 3);
  return table;
}
