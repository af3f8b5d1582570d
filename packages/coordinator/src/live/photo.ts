/** A photo that somebody gives, at training size: decoded and resized as every training sample is, in a thread. */
import { type SideLimits, UserError } from '@unet-fleet/law';
import { Thread } from '@unet-fleet/shared/threads';
import type { PhotoData, PhotoFunctions, SizedPhoto } from './photo-thread.ts';

export type { SizedPhoto } from './photo-thread.ts';

const patienceMs = 20_000;

/** Throws a UserError for what is no photo, or takes too long. */
export async function loadPhoto(
  bytes: Uint8Array,
  { channels, size, scale, valueRange, orientation }: PhotoData,
  limits: SideLimits,
): Promise<SizedPhoto> {
  const file = new URL('./photo-thread.js', import.meta.url);
  const thread = new Thread<PhotoFunctions>(file, { name: 'the thread that decodes a photo' });
  const tooSlow = () =>
    thread.refuse(
      new UserError(`the photo could not be decoded within ${patienceMs / 1_000} s: give a smaller one`),
    );
  const timer = setTimeout(tooSlow, patienceMs);
  try {
    return await thread.call('load', [bytes, { channels, size, scale, valueRange, orientation }, limits]);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError('the photo could not be decoded: give another one');
  } finally {
    clearTimeout(timer);
    await thread.close();
  }
}
