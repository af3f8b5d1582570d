/**
 * Our own arithmetic against sharp's, byte for byte: it is used where it gives the same, so it must not differ anywhere,
 * and where it is used in vain, photos would be loaded at sharp's pace without a word.
 */
import { reducePixels } from '@unet-fleet/numerics/pixels';
import sharp from 'sharp';
import { describe, expect, it, vi } from 'vitest';
import { reduceBySharp, reducePicture } from './reduce.ts';
import { reductionOf, runLengths, wholeFactor } from './reduce-axis.ts';
import type { Size } from './types.ts';

let state = 3;
const random = (from: number, to: number) => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  return from + ((state >>> 8) % (to - from + 1));
};
const picture = (width: number, height: number, channels: 1 | 3) => ({
  width,
  height,
  channels,
  pixels: Uint8Array.from({ length: width * height * channels }, () => random(0, 255)),
});

function reduced(of: ReturnType<typeof picture>, { width, height }: Size): Uint8Array {
  const runs = runLengths(wholeFactor(of.width, width), wholeFactor(of.height, height));
  const columns = reductionOf(of.width, width, runs.columns);
  return reducePixels(of, columns, reductionOf(of.height, height, runs.rows));
}

// Sizes at which places lie on the border of two steps, so that tiles show (842 of 192), and one of each kind.
const sizes: [from: Size, to: Size][] = [
  [
    { width: 550, height: 842 },
    { width: 128, height: 192 },
  ],
  [
    { width: 550, height: 830 },
    { width: 192, height: 128 },
  ],
  [
    { width: 60, height: 830 },
    { width: 30, height: 192 },
  ],
  [
    { width: 700, height: 90 },
    { width: 150, height: 45 },
  ],
  [
    { width: 300, height: 200 },
    { width: 150, height: 100 },
  ],
  [
    { width: 64, height: 64 },
    { width: 64, height: 32 },
  ],
  [
    { width: 33, height: 57 },
    { width: 2, height: 3 },
  ],
  ...Array.from({ length: 12 }, (): [Size, Size] => {
    const from = { width: random(20, 400), height: random(20, 600) };
    return [from, { width: random(2, from.width), height: random(2, from.height) }];
  }),
];

describe('the bytes are those of sharp', () => {
  for (const [from, to] of sizes) {
    const name = `${from.width}x${from.height} to ${to.width}x${to.height}`;
    for (const channels of [1, 3] as const) {
      it(`${name}, ${channels === 1 ? 'grey' : 'colours'}`, async () => {
        const noise = picture(from.width, from.height, channels);
        const theirs = Buffer.from(await reduceBySharp(noise, to));
        expect(Buffer.compare(theirs, reduced(noise, to))).toBe(0);
        expect(Buffer.compare(theirs, await reducePicture(noise, to))).toBe(0);
      });
    }
  }
});

it('asks sharp for nothing once a size has been tried', async () => {
  const [first, second] = [picture(120, 91, 3), picture(120, 91, 3)];
  await reducePicture(first, { width: 50, height: 40 });
  const asked = vi.spyOn(sharp.prototype, 'toBuffer');
  const ours = await reducePicture(second, { width: 50, height: 40 });
  expect(asked).not.toHaveBeenCalled();
  asked.mockRestore();
  expect(Buffer.compare(ours, await reduceBySharp(second, { width: 50, height: 40 }))).toBe(0);
});

it('leaves a size to sharp where one byte differs', async () => {
  const toBuffer = sharp.prototype.toBuffer;
  const broken = vi.spyOn(sharp.prototype, 'toBuffer').mockImplementation(async function (this: sharp.Sharp) {
    const result = (await toBuffer.call(this, { resolveWithObject: true })) as { data: Buffer };
    result.data[0] = (result.data[0] as number) ^ 1;
    return result as never;
  });
  const noise = picture(122, 93, 3);
  const chosen = await reducePicture(noise, { width: 51, height: 41 });
  const theirs = await reduceBySharp(noise, { width: 51, height: 41 });
  broken.mockRestore();
  expect(Buffer.compare(chosen, theirs)).toBe(0);
});
