/** A photo that somebody gives, at training size: decoded and resized as every training sample is, in a thread. */
import { Worker } from 'node:worker_threads';
import { type DataConfig, type SideLimits, UserError } from '@unet-fleet/shared';

/** HWC: bytes 0..255, or float32 0..1, as the run's photos are. */
export interface SizedPhoto {
  width: number;
  height: number;
  pixels: Uint8Array | Float32Array;
}

export interface PhotoRequest {
  bytes: Uint8Array;
  data: Pick<DataConfig, 'channels' | 'size' | 'scale' | 'valueRange' | 'orientation'>;
  limits: SideLimits;
}

export type PhotoAnswer = { photo: SizedPhoto } | { problem: string };

const patienceMs = 20_000;

/** Throws a UserError for what is no photo, or takes too long. */
export function loadPhoto(
  bytes: Uint8Array,
  { channels, size, scale, valueRange, orientation }: PhotoRequest['data'],
  limits: SideLimits,
): Promise<SizedPhoto> {
  const workerData: PhotoRequest = {
    bytes,
    data: { channels, size, scale, valueRange, orientation },
    limits,
  };
  const thread = new Worker(new URL('./photo-thread.js', import.meta.url), { workerData });
  return new Promise<SizedPhoto>((resolve, reject) => {
    const tooSlow = () =>
      reject(
        new UserError(`the photo could not be decoded within ${patienceMs / 1_000} s: give a smaller one`),
      );
    const timer = setTimeout(tooSlow, patienceMs);
    thread.on('message', (answer: PhotoAnswer) => {
      if ('photo' in answer) resolve(answer.photo);
      else reject(new UserError(answer.problem));
    });
    thread.on('error', () => reject(new UserError('the photo could not be decoded: give another one')));
    thread.on('exit', () => {
      clearTimeout(timer);
      reject(new UserError('the photo could not be decoded: give another one'));
    });
  }).finally(() => thread.terminate());
}
