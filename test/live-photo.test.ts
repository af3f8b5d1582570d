/** A photo that somebody gives to a run, decoded in a thread: as in training, or refused with a sentence. */
import { loadPhoto } from '@unet-fleet/coordinator/live/photo';
import { decodePhoto, resizePhoto } from '@unet-fleet/dataset';
import { UserError } from '@unet-fleet/law';
import sharp from 'sharp';
import { expect, it } from 'vitest';

const data = { channels: 3, size: '40x32', scale: 1 } as const;

const limits = { smallest: 16, multiple: 1 };

const drawn = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: { r: 200, g: 100, b: 50 } } })
    .jpeg()
    .toBuffer();

it('gives a photo the pixels that training gives it', async () => {
  const bytes = await drawn(33, 70);
  const { width, height, pixels } = await loadPhoto(bytes, data, limits);
  expect({ width, height }).toEqual({ width: 40, height: 32 });
  const photo = await decodePhoto('the same', bytes, { channels: 3, maxPixels: 2 ** 27 });
  expect(Buffer.compare(pixels, await resizePhoto(photo, { width: 40, height: 32 }))).toBe(0);
});

it('follows the scale where there is no size', async () => {
  const { width, height } = await loadPhoto(
    await drawn(60, 80),
    { channels: 1, size: '', scale: 0.5 },
    limits,
  );
  expect({ width, height }).toEqual({ width: 30, height: 40 });
});

it('answers what is no photo, too many pixels, or too small a one with a sentence', async () => {
  const refusal = async (bytes: Uint8Array, scale = 1) => {
    const error = await loadPhoto(bytes, { channels: 3, size: '', scale }, limits).catch((reason) => reason);
    expect(error).toBeInstanceOf(UserError);
    return error.message as string;
  };
  expect(await refusal(Buffer.from('no photo'))).toMatch(/^Cannot read the photo: it is no picture/);
  expect(await refusal(await drawn(9_000, 8_000))).toContain('more than the 67108864 that are read');
  expect(await refusal(await drawn(20, 20), 0.1)).toContain('at least 16x16');
});
