/** Decodes one photo and ends: enlarging is plain computation, which the coordinator's own thread has no time for. */
import { parentPort, workerData } from 'node:worker_threads';
import { decodePhoto, resizePhoto, trainingSizeOf } from '@unet-fleet/dataset';
import { UserError } from '@unet-fleet/shared';
import type { PhotoAnswer, PhotoRequest } from './photo.ts';

/** Of a photo that somebody gives: more than any camera has, and 200 MB at most while it is decoded. */
const limit = { maxPixels: 2 ** 26, remedy: 'segment it with predict' };

/** Of a side that goes to a worker in a message (shared/protocol/messages.ts). */
const maxSide = 65_536;

const { bytes, data, limits } = workerData as PhotoRequest;
let answer: PhotoAnswer;
try {
  const { channels, valueRange, orientation } = data;
  const photo = await decodePhoto('the photo', bytes, { channels, valueRange, orientation, ...limit });
  const { width, height } = trainingSizeOf(data, photo, limits);
  if (Math.max(width, height) > maxSide) {
    throw new UserError(`the photo of ${width}x${height} pixels is too long to be sent: ${limit.remedy}`);
  }
  const resized = await resizePhoto(photo, { width, height });
  // A copy with memory of its own, which can be handed over.
  const pixels = resized instanceof Float32Array ? resized.slice() : Uint8Array.from(resized);
  answer = { photo: { width, height, pixels } };
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  answer = { problem: error.message.replace(/\.$/, '') };
}
parentPort!.postMessage(answer, 'photo' in answer ? [answer.photo.pixels.buffer as ArrayBuffer] : []);
