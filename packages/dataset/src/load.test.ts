import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { dataConfig, folderWith, photo, pngMask } from '../test-support/folders.ts';
import { checkBatches, toBatch } from './batch.ts';
import { loadSample } from './load.ts';
import { nearestIndices, resizeLabels } from './resize.ts';
import { sampleCache } from './sample-cache.ts';
import { scanDataset } from './scan.ts';
import { trainingSizeOf } from './training-size.ts';
import type { LoadedSample, Sample } from './types.ts';

describe('resizing masks', () => {
  it('takes the input pixel that holds the centre of the output pixel', () => {
    expect(Array.from(nearestIndices(4, 2))).toEqual([1, 3]);
    expect(Array.from(nearestIndices(2, 4))).toEqual([0, 0, 1, 1]);
    expect(Array.from(nearestIndices(3, 3))).toEqual([0, 1, 2]);
    const side = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(side, side, (from, to) => {
        const indices = nearestIndices(from, to);
        for (const [i, index] of indices.entries()) {
          const centre = ((i + 0.5) * from) / to;
          expect(index).toBeGreaterThanOrEqual(0);
          expect(index).toBeLessThan(from);
          expect(Math.abs(index + 0.5 - centre)).toBeLessThanOrEqual(0.5 + 1e-9);
          // Symmetric: the mirror image of a mask is resized to the mirror image, but where a centre is on an edge.
          if (!Number.isInteger(centre)) expect(indices[to - 1 - i]).toBe(from - 1 - index);
        }
      }),
    );
  });

  it('makes no class that was not there', () => {
    const labels = Uint16Array.from({ length: 30 * 20 }, (_, i) => (i % 30 < 11 ? 3 : 700));
    const resized = resizeLabels(labels, { width: 30, height: 20 }, { width: 17, height: 45 });
    expect(new Set(resized)).toEqual(new Set([3, 700]));
    expect(resized).toBeInstanceOf(Uint16Array);
  });
});

/** A white disc on black, as photo and mask. */
async function discSample(width: number, height: number) {
  const inside = (x: number, y: number) =>
    (x - width * 0.4) ** 2 + (y - height * 0.55) ** 2 < (height * 0.3) ** 2;
  const mask = pngMask(width, height, (x, y) => Number(inside(x, y)));
  const pixels = Buffer.from(
    Uint8Array.from({ length: width * height }, (_, i) =>
      inside(i % width, Math.floor(i / width)) ? 255 : 0,
    ),
  );
  const picture = await sharp(pixels, { raw: { width, height, channels: 1 } })
    .png()
    .toBuffer();
  const folder = folderWith({ 'photos/a.png': picture, 'masks/a.png': mask });
  const config = dataConfig({ images: join(folder, 'photos'), masks: join(folder, 'masks') });
  const { samples } = await scanDataset(config);
  return { folder, config, sample: samples[0] as Sample };
}

describe('loading', () => {
  it.each([
    [64, 48],
    [331, 170],
    [97, 33],
    [500, 480],
    [700, 100],
  ])('photo and mask agree at %s x %s', async (width, height) => {
    const { config, sample } = await discSample(330, 250);
    const loaded = await loadSample({ ...config, channels: 1 }, sample, { width, height });
    expect(loaded.pixels).toHaveLength(width * height);
    const centre = (weight: (i: number) => number) => {
      let [sum, x, y] = [0, 0, 0];
      for (let i = 0; i < width * height; i++) {
        sum += weight(i);
        x += weight(i) * (i % width);
        y += weight(i) * Math.floor(i / width);
      }
      return [x / sum, y / sum] as const;
    };
    const [photoX, photoY] = centre((i) => (loaded.pixels[i] as number) / 255);
    const [maskX, maskY] = centre((i) => loaded.labels[i] as number);
    expect(Math.abs(photoX - maskX)).toBeLessThan(0.15);
    expect(Math.abs(photoY - maskY)).toBeLessThan(0.15);
  });

  it("gives the same bits whatever sharp's threads and however many are loaded at once", async () => {
    const { config, sample } = await discSample(333, 251);
    const load = () => loadSample(config, sample, { width: 77, height: 50 });
    const before = sharp.concurrency();
    sharp.concurrency(1);
    const one = await load();
    sharp.concurrency(4);
    for (const loaded of await Promise.all([load(), load(), load(), load()])) expect(loaded).toEqual(one);
    sharp.concurrency(before);
  });

  it('refuses files that are not those of the scan', async () => {
    const { folder, config, sample } = await discSample(40, 30);
    writeFileSync(
      join(folder, 'masks/a.png'),
      pngMask(40, 30, () => 1),
    );
    const target = { width: 20, height: 16 };
    await expect(loadSample(config, sample, target)).rejects.toThrow(
      /masks\/a.png is not the file that the run was created with: restore it, or start a new run/,
    );
    await expect(loadSample({ ...config, images: 'nowhere' }, sample, target)).rejects.toThrow(
      /Cannot read nowhere\/a.png .*this machine needs the same data as the run/,
    );
  });
});

describe('the training size', () => {
  const original = { width: 550, height: 830 };
  it('is --size, or --scale of the photo', () => {
    expect(trainingSizeOf({ size: '192x128', scale: 0.5 }, original)).toEqual({ width: 192, height: 128 });
    expect(trainingSizeOf({ size: '', scale: 0.25 }, original)).toEqual({ width: 138, height: 208 });
  });

  it('is within what the model can compute', () => {
    const limits = { smallest: 16, multiple: 1 };
    expect(() => trainingSizeOf({ size: '15x64', scale: 1 }, original, limits)).toThrow('--size 15x64');
    expect(() => trainingSizeOf({ size: '', scale: 0.01 }, original, limits)).toThrow(
      '--scale 0.01 of 550x830 gives 6x8 pixels',
    );
    expect(trainingSizeOf({ size: '15x64', scale: 1 }, original)).toEqual({ width: 15, height: 64 });
    expect(() =>
      trainingSizeOf({ size: '48x56', scale: 1 }, original, { smallest: 16, multiple: 16 }),
    ).toThrow('use --size 48x64');
  });
});

const loaded = (value: number, width = 4, height = 2, channels = 3): LoadedSample => ({
  width,
  height,
  channels,
  pixels: new Uint8Array(width * height * channels).fill(value),
  labels: new Uint8Array(width * height).fill(value),
});

describe('batches', () => {
  it('are NHWC in 0..1 with labels beside', () => {
    const batch = toBatch([loaded(0), loaded(51)]);
    expect(batch).toMatchObject({ numImages: 2, width: 4, height: 2 });
    expect(batch.images).toHaveLength(48);
    expect(batch.images[23]).toBe(0);
    expect(batch.images[24]).toBe(Math.fround(0.2));
    expect(Array.from(batch.labels.subarray(7, 9))).toEqual([0, 51]);
  });

  it('are of one size', () => {
    expect(() => toBatch([loaded(1), loaded(1, 2, 4)])).toThrow('a batch of 4x2 and 2x4 pixels');
  });

  it('are checked before training', async () => {
    const samples = [
      { id: 'a', width: 100, height: 80 },
      { id: 'b', width: 100, height: 90 },
    ] as Sample[];
    const plan = { numTraining: 10, batchSize: 4, leafSize: 2 };
    expect(() => checkBatches({ size: '', scale: 0.5 }, samples, plan)).toThrow(
      'Photos of several sizes (a is 50x40, b is 50x45) cannot be computed together: set one --size, or --leaf-size 1.',
    );
    expect(() => checkBatches({ size: '', scale: 0.5 }, samples, { ...plan, leafSize: 1 })).not.toThrow();
    expect(() => checkBatches({ size: '32x32', scale: 1 }, samples, plan)).not.toThrow();
    expect(() => checkBatches({ size: '32x32', scale: 1 }, samples, { ...plan, batchSize: 11 })).toThrow(
      'A batch of 11 is larger than the training set of 10 photos: set --batch-size to 10 or less.',
    );
  });
});

describe('the sample cache', () => {
  it('lets the least recently used go, and never exceeds its limit', () => {
    const cache = sampleCache(100);
    for (const id of ['a', 'b', 'c']) cache.set(id, loaded(1));
    cache.get('a');
    cache.set('d', loaded(1));
    expect(cache.get('b')).toBeUndefined();
    expect(cache.get('a')).toBeDefined();
    expect(cache.calculatedSize).toBe(96);
    cache.set('huge', loaded(1, 100, 100));
    expect(cache.get('huge')).toBeUndefined();
    cache.set('a', loaded(2));
    expect(cache.calculatedSize).toBe(96);
  });
});

it('a photo of one channel stays one', async () => {
  const folder = folderWith({
    'photos/a.jpg': await photo(40, 30),
    'masks/a.png': pngMask(40, 30, (x) => Number(x > 9)),
  });
  const config = dataConfig({ images: join(folder, 'photos'), masks: join(folder, 'masks') });
  const { samples } = await scanDataset(config);
  for (const channels of [1, 3, 4] as const) {
    const { pixels } = await loadSample({ ...config, channels }, samples[0] as Sample, {
      width: 20,
      height: 16,
    });
    expect(pixels).toHaveLength(320 * channels);
  }
});
