/**
 * Pictures of classes: a photo tinted by class, the errors of a prediction by kind, the pixels of one kind of confusion.
 * Pure: pixels in, new pixels out, same size. What is ignored is hatched in grey wherever the truth is looked at.
 */
import {
  assertSameSize,
  type ErrorKind,
  errorKind,
  ignoredValue,
  type LabelMap,
} from '@unet-fleet/pictures/models/class-map';
import type { Rgb } from '@unet-fleet/pictures/models/palette';
import type { Pixels } from './pixels.ts';

export interface Look {
  /** By class. */
  colours: readonly Rgb[];
  /** By class: false is drawn as the bare photo. */
  isShown: readonly boolean[];
  /** Of the tint, 0..1. */
  opacity: number;
  /** Tinted a third as much, so that what stands before it is seen; null where there is none. */
  background: number | null;
}

/** Told apart by lightness too, for eyes that see few colours. */
export const errorColours: Record<ErrorKind, Rgb> = {
  missed: [240, 160, 0],
  invented: [60, 190, 250],
  confused: [200, 30, 120],
};

const hatchLight: Rgb = [200, 200, 200];
const hatchDark: Rgb = [110, 110, 110];

/** The photo in the colours of its classes; `hatchIgnored` for a truth. Throws if the sizes differ. */
export function tinted(photo: Pixels, map: LabelMap, look: Look, hatchIgnored: boolean): Pixels {
  assertSameSize(photo, map);
  const { width, height, data: from } = photo;
  const data = new Uint8ClampedArray(from);
  const ignored = hatchIgnored ? ignoredValue(map) : -1;
  for (let pixel = 0; pixel < map.labels.length; pixel++) {
    const classIndex = map.labels[pixel]!;
    if (classIndex === ignored) hatch(data, pixel, width, look.opacity);
    else if (look.isShown[classIndex] === true) {
      const share = classIndex === look.background ? look.opacity / 3 : look.opacity;
      blend(data, pixel, look.colours[classIndex]!, share);
    }
  }
  return { width, height, data };
}

/**
 * The photo in pale grey with what is wrong coloured by kind. An error counts as shown where either of its classes is.
 * Throws if the sizes differ.
 */
export function errorPicture(photo: Pixels, truth: LabelMap, prediction: LabelMap, look: Look): Pixels {
  assertSameSize(photo, truth);
  assertSameSize(photo, prediction);
  const { width, height } = photo;
  const data = paleGrey(photo);
  const ignored = ignoredValue(truth);
  // Errors are what this picture is for: never fainter than half.
  const share = 0.5 + look.opacity / 2;
  for (let pixel = 0; pixel < truth.labels.length; pixel++) {
    const wanted = truth.labels[pixel]!;
    if (wanted === ignored) {
      hatch(data, pixel, width, 0.8);
      continue;
    }
    const given = prediction.labels[pixel]!;
    if (look.isShown[wanted] !== true && look.isShown[given] !== true) continue;
    const kind = errorKind(wanted, given, look.background);
    if (kind !== null) blend(data, pixel, errorColours[kind], share);
  }
  return { width, height, data };
}

const highlightColour: Rgb = [255, 40, 200];

/**
 * The photo in pale grey with the pixels of one cell of the confusion matrix in a colour that no photo has. Without a
 * prediction: all pixels of the true class. Returns how many are marked, too.
 */
export function cellPicture(
  photo: Pixels,
  truth: LabelMap,
  prediction: LabelMap | null,
  cell: { truth: number; prediction: number },
): { pixels: Pixels; numMarked: number } {
  assertSameSize(photo, truth);
  if (prediction !== null) assertSameSize(photo, prediction);
  const data = paleGrey(photo);
  let numMarked = 0;
  for (let pixel = 0; pixel < truth.labels.length; pixel++) {
    if (truth.labels[pixel] !== cell.truth) continue;
    if (prediction !== null && prediction.labels[pixel] !== cell.prediction) continue;
    numMarked++;
    blend(data, pixel, highlightColour, 0.85);
  }
  return { pixels: { width: photo.width, height: photo.height, data }, numMarked };
}

function paleGrey({ data: from }: Pixels): Uint8ClampedArray<ArrayBuffer> {
  const data = new Uint8ClampedArray(from);
  for (let at = 0; at < data.length; at += 4) {
    const luma = 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
    const pale = 130 + luma * 0.45;
    data[at] = pale;
    data[at + 1] = pale;
    data[at + 2] = pale;
  }
  return data;
}

function hatch(data: Uint8ClampedArray, pixel: number, width: number, opacity: number): void {
  const isDark = ((pixel % width) + Math.floor(pixel / width)) % 6 < 2;
  blend(data, pixel, isDark ? hatchDark : hatchLight, opacity);
}

function blend(data: Uint8ClampedArray, pixel: number, colour: Rgb, share: number): void {
  for (let channel = 0; channel < 3; channel++) {
    const at = pixel * 4 + channel;
    data[at] = data[at]! * (1 - share) + colour[channel]! * share;
  }
}
