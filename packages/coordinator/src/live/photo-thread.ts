/** Decodes a photo: enlarging is plain computation, which the coordinator's own thread has no time for. */
import { decodePhoto, resizePhoto, trainingSizeOf } from '@unet-fleet/dataset';
import { type DataConfig, type SideLimits, UserError } from '@unet-fleet/law';
import { Moved, Starter } from '@unet-fleet/shared/threads';

export type PhotoData = Pick<DataConfig, 'channels' | 'size' | 'scale' | 'valueRange' | 'orientation'>;

/** HWC: bytes 0..255, or float32 0..1, as the run's photos are. */
export interface SizedPhoto {
  width: number;
  height: number;
  pixels: Uint8Array | Float32Array;
}

export type PhotoFunctions = typeof functions;

/** Of a photo that somebody gives: more than any camera has, and 200 MB at most while it is decoded. */
const limit = { maxPixels: 2 ** 26, remedy: 'segment it with predict' };

/** Of a side that goes to a worker in a message (shared/protocol/messages.ts). */
const maxSide = 65_536;

async function load(bytes: Uint8Array, data: PhotoData, limits: SideLimits) {
  const { channels, valueRange, orientation } = data;
  const photo = await decodePhoto('the photo', bytes, { channels, valueRange, orientation, ...limit });
  const { width, height } = trainingSizeOf(data, photo, limits);
  if (Math.max(width, height) > maxSide) {
    throw new UserError(`the photo of ${width}x${height} pixels is too long to be sent: ${limit.remedy}`);
  }
  const resized = await resizePhoto(photo, { width, height });
  // A copy with memory of its own, which can be handed over.
  const pixels = resized instanceof Float32Array ? resized.slice() : Uint8Array.from(resized);
  return new Moved<SizedPhoto>({ width, height, pixels }, [pixels.buffer as ArrayBuffer]);
}

/** The sentence is one among others where it is shown. */
const withoutStop = (error: unknown): never => {
  if (error instanceof UserError) throw new UserError(error.message.replace(/\.$/, ''), error.exitCode);
  throw error;
};

const functions = {
  load: (...photo: Parameters<typeof load>) => load(...photo).catch(withoutStop),
};

new Starter().serve(functions);
