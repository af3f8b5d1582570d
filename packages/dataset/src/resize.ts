/**
 * Photos and masks at training size. Both are cut at the same places: pixel centres, so that output pixel x covers the
 * input from x * w / W to (x + 1) * w / W. Photos are filtered (Lanczos), masks take the nearest pixel only, as a mean of
 * two classes is a third one.
 */

import { enlarge, resizeFloats } from './lanczos.ts';
import type { Photo } from './readers/photo.ts';
import { reduceBySharp, reducePicture } from './reduce.ts';
import type { Size } from './types.ts';

/** Lanczos-3 over the whole photo, in the photo's own kind of values: the bits of sharp, whatever its threads. */
export async function resizePhoto(photo: Photo, target: Size): Promise<Uint8Array | Float32Array> {
  const { pixels, channels } = photo;
  if (pixels instanceof Float32Array) return resizeFloats(pixels, channels, photo, target);
  const reduced = {
    width: Math.min(photo.width, target.width),
    height: Math.min(photo.height, target.height),
  };
  return enlarge(await reduceBytes({ ...photo, pixels }, reduced), channels, reduced, target);
}

/** Four channels are sharp's, which weighs colours with what is taken for transparency. */
function reduceBytes(photo: Photo & { pixels: Uint8Array }, size: Size): Promise<Uint8Array> {
  const { channels } = photo;
  if (channels === 4) return reduceBySharp({ ...photo, channels }, size);
  return reducePicture({ ...photo, channels }, size);
}

/** Input index whose pixel holds the centre of output pixel i: floor((i + 1/2) * from / to), in whole numbers. */
export function nearestIndices(from: number, to: number): Int32Array {
  const indices = new Int32Array(to);
  for (let i = 0; i < to; i++) indices[i] = Math.floor(((2 * i + 1) * from) / (2 * to));
  return indices;
}

/** Nearest neighbour; labels HW. */
export function resizeLabels<T extends Uint8Array | Uint16Array>(labels: T, from: Size, to: Size): T {
  if (from.width === to.width && from.height === to.height) return labels;
  const numPixels = to.width * to.height;
  const resized = (
    labels instanceof Uint8Array ? new Uint8Array(numPixels) : new Uint16Array(numPixels)
  ) as T;
  const columns = nearestIndices(from.width, to.width);
  const rows = nearestIndices(from.height, to.height);
  for (let y = 0, at = 0; y < to.height; y++) {
    const row = (rows[y] as number) * from.width;
    for (let x = 0; x < to.width; x++, at++) resized[at] = labels[row + (columns[x] as number)] as number;
  }
  return resized;
}
