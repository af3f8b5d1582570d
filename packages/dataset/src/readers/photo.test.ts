import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { photo } from '../../test-support/folders.ts';
import { decodePhoto, examinePhoto } from './photo.ts';

const maxPixels = 2 ** 27;

describe('photos', () => {
  it.each(['jpeg', 'png', 'webp', 'tiff'] as const)('%s as 1, 3 and 4 channels', async (format) => {
    const bytes = await photo(20, 10, format);
    for (const channels of [1, 3, 4] as const) {
      const decoded = await decodePhoto('a', bytes, { channels, maxPixels });
      expect(decoded).toMatchObject({ width: 20, height: 10, channels });
      expect(decoded.pixels).toHaveLength(200 * channels);
      if (channels === 4) expect(decoded.pixels[3]).toBe(255);
    }
  });

  it('grey, 16-bit and transparent files have the channels that are asked for', async () => {
    const grey = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#888' } })
      .greyscale()
      .png()
      .toBuffer();
    const deep = await sharp(grey).toColourspace('rgb16').png().toBuffer();
    const clear = await sharp({
      create: { width: 8, height: 8, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0.5 } },
    })
      .png()
      .toBuffer();
    const valueRange = 'type';
    for (const bytes of [grey, deep, clear]) {
      for (const channels of [1, 3, 4] as const) {
        expect((await decodePhoto('a', bytes, { channels, maxPixels, valueRange })).pixels).toHaveLength(
          64 * channels,
        );
      }
    }
    expect((await decodePhoto('a', deep, { channels: 3, maxPixels, valueRange })).pixels[0]).toBeCloseTo(
      (0x88 << 8) / 65_535,
      6,
    );
    expect((await decodePhoto('a', clear, { channels: 4, maxPixels })).pixels[3]).toBe(128);
  });

  it('stands upright by its EXIF orientation', async () => {
    const left = await sharp({ create: { width: 40, height: 20, channels: 3, background: '#fff' } })
      .composite([
        { input: { create: { width: 20, height: 20, channels: 3, background: '#000' } }, left: 0, top: 0 },
      ])
      .png()
      .toBuffer();
    // Orientation 6: turn right to see it upright, so what is left goes to the top.
    const turned = await sharp(left).withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer();
    const { width, height, pixels } = await decodePhoto('a', turned, { channels: 1, maxPixels });
    expect([width, height]).toEqual([20, 40]);
    expect(pixels[10]).toBeLessThan(10);
    expect(pixels[39 * 20 + 10]).toBeGreaterThan(245);
    expect(await examinePhoto('a', turned, { maxPixels })).toMatchObject([
      { width: 40, height: 20, orientation: 6 },
    ]);
    const stored = await decodePhoto('a', turned, { channels: 1, maxPixels, orientation: 'stored' });
    expect([stored.width, stored.height]).toEqual([40, 20]);
  });

  it('names the limit that a photo is over, and reads it where that is raised', async () => {
    const bytes = await photo(20, 10);
    await expect(examinePhoto('a.jpg', bytes, { maxPixels: 199 })).rejects.toThrow(
      'Cannot read a.jpg: it has 20 x 10 = 200 pixels, more than the 199 that are read; --max-pixels 200 reads it.',
    );
    expect(await examinePhoto('a.jpg', bytes, { maxPixels: 200 })).toMatchObject([{ width: 20, height: 10 }]);
  });

  it('refuses a truncated file and one that is no picture', async () => {
    const noise = Buffer.from(Uint8Array.from({ length: 120 * 90 * 3 }, (_, i) => (i * 7919) % 251));
    for (const format of ['jpeg', 'png', 'webp', 'tiff'] as const) {
      const whole = await sharp(noise, { raw: { width: 120, height: 90, channels: 3 } })
        .toFormat(format)
        .toBuffer();
      const part = whole.subarray(0, Math.floor(whole.length / 2));
      await expect(examinePhoto(`a.${format}`, part, { maxPixels }), format).rejects.toThrow(
        `Cannot read a.${format}:`,
      );
      await expect(decodePhoto(`a.${format}`, part, { channels: 3, maxPixels }), format).rejects.toThrow(
        `Cannot read a.${format}:`,
      );
    }
    await expect(examinePhoto('a.jpg', Buffer.from('no picture'), { maxPixels })).rejects.toThrow(
      'Cannot read a.jpg: it is no JPEG file, or damaged at its start.',
    );
  });
});
