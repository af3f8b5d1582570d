/** The answer to a photo that was given to be segmented: one line of JSON, then RGB, then classes. Pure. */

import { type LabelMap, labelMapOf } from '@unet-fleet/pictures/models/class-map';
import type { SegmentHeader } from '../../../../src/protocol.ts';
import { type Pixels, pixelsOfRgb } from '../common/pixels.ts';

export interface Segmented {
  step: number;
  photo: Pixels;
  prediction: LabelMap;
}

/** Throws with a sentence if the bytes are not such an answer. */
export function segmentedOf(bytes: Uint8Array): Segmented {
  const lineEnd = bytes.indexOf(10);
  if (lineEnd < 0 || lineEnd > 10_000) throw new Error('The answer has no header.');
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(0, lineEnd))) as SegmentHeader;
  const { step, width, height, bytesPerPixel } = header;
  const numPixels = width * height;
  const rgb = bytes.subarray(lineEnd + 1, lineEnd + 1 + numPixels * 3);
  const classes = bytes.subarray(lineEnd + 1 + numPixels * 3);
  return {
    step,
    photo: pixelsOfRgb(rgb, width, height),
    prediction: labelMapOf(classes, { width, height, bytesPerPixel }),
  };
}
