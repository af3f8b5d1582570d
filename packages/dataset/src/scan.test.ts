import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataConfig } from '@unet-fleet/shared';
import { describe, expect, it } from 'vitest';
import { dataConfig, folderWith, photo, pngMask } from '../test-support/folders.ts';
import { datasetFrom } from './dataset.ts';
import { datasetTable, formatDatasetTable } from './inspect.ts';
import { scanDataset } from './scan.ts';

const stripes = (x: number) => x % 3;

/** Photos and masks of 24 x 16 with classes 0 to 2, with the given files besides or instead. */
async function folderOf(ids: string[], others: Record<string, Uint8Array | string> = {}) {
  const files: Record<string, Uint8Array | string> = {};
  for (const [i, id] of ids.entries()) {
    files[`photos/${id}.jpg`] = await photo(24, 16, 'jpeg', i);
    files[`masks/${id}.png`] = pngMask(24, 16, stripes);
  }
  return folderWith({ ...files, ...others });
}

const configIn = (folder: string, options: Partial<DataConfig> = {}) =>
  dataConfig({ images: join(folder, 'photos'), masks: join(folder, 'masks'), ...options });

const failure = async (folder: string, options: Partial<DataConfig> = {}): Promise<string> => {
  const config = configIn(folder, options);
  return scanDataset(config)
    .then((report) => datasetFrom(report, config))
    .then(() => 'nothing', String);
};

describe('a good data set', () => {
  it('has samples in order, counts and an identity', async () => {
    const config = configIn(await folderOf(['b', 'a', 'c']));
    const progress: number[] = [];
    const report = await scanDataset(config, {
      onProgress: (numDone, total) => progress.push(numDone / total),
    });
    expect(report.samples.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(report.samples[0]).toMatchObject({ photo: 'a.jpg', mask: 'a.png', width: 24, height: 16 });
    expect(report.samples[0]?.photoSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(report).toMatchObject({ numClasses: 3, classPixels: [384, 384, 384], classImages: [3, 3, 3] });
    expect(report.sizes).toEqual([{ width: 24, height: 16, numImages: 3 }]);
    expect(progress.at(-1)).toBe(1);
    const dataset = datasetFrom(report, config);
    expect(dataset.classNames).toEqual(['class 0', 'class 1', 'class 2']);
    expect(dataset.warnings).toEqual([]);
  });

  it('is the same whatever the number of readers, and another one after any change', async () => {
    const folder = await folderOf(['a', 'b', 'c', 'd', 'e']);
    const config = configIn(folder);
    const [one, many] = [
      await scanDataset(config, { concurrency: 1 }),
      await scanDataset(config, { concurrency: 5 }),
    ];
    expect(many).toEqual(one);
    const before = datasetFrom(one, config).sha256;
    writeFileSync(
      join(folder, 'masks/c.png'),
      pngMask(24, 16, (x, y) => (x === 0 && y === 0 ? 1 : stripes(x))),
    );
    expect(datasetFrom(await scanDataset(config), config).sha256).not.toBe(before);
  });

  it('takes names, class count and ignored value from the configuration', async () => {
    const folder = await folderOf(['a', 'b'], { 'names.txt': 'sky\nroad\ncar\nman\n' });
    const names = join(folder, 'names.txt');
    const report = await scanDataset(configIn(folder, { classNames: names, ignoreIndex: 2 }));
    expect(report).toMatchObject({ numClasses: 4, classPixels: [256, 256, 0, 0], ignoredPixels: 256 });
    expect(report.classNames).toEqual(['sky', 'road', 'car', 'man']);
    expect((await scanDataset(configIn(folder, { ignoreIndex: 2 }))).numClasses).toBe(2);
    expect(await failure(folder, { classNames: names, numClasses: 3 })).toContain(
      'names 4 classes but --num-classes is 3',
    );
    expect(await failure(folder, { numClasses: 1 })).toContain('One class alone cannot be learned');
  });
});

describe('the cache', () => {
  it('saves reading files that have not changed, and gives the same report', async () => {
    const folder = await folderOf(['a', 'b'], {
      'masks/c.png': 'broken',
      'photos/c.jpg': await photo(24, 16),
    });
    const cacheDir = folderWith({});
    const config = configIn(folder);
    const first = await scanDataset(config, { cacheDir });
    const second = await scanDataset(config, { cacheDir });
    expect(second.numCachedFiles).toBe(6);
    expect({ ...second, numCachedFiles: 0 }).toEqual(first);
    expect(readdirSync(join(cacheDir, 'scan'))).toHaveLength(1);
  });

  it('is not used for a file of another size or time, nor for other options', async () => {
    const folder = await folderOf(['a', 'b']);
    const cacheDir = folderWith({});
    const config = configIn(folder);
    await scanDataset(config, { cacheDir });
    utimesSync(join(folder, 'masks/a.png'), 1, 1);
    writeFileSync(join(folder, 'photos/b.jpg'), await photo(24, 16, 'png'));
    expect((await scanDataset(config, { cacheDir })).numCachedFiles).toBe(2);
    expect((await scanDataset({ ...config, matVariable: 'other' }, { cacheDir })).numCachedFiles).toBe(0);
  });

  it('is passed over when it is damaged', async () => {
    const folder = await folderOf(['a', 'b']);
    const cacheDir = folderWith({});
    const first = await scanDataset(configIn(folder), { cacheDir });
    const [name] = readdirSync(join(cacheDir, 'scan')) as [string];
    const path = join(cacheDir, 'scan', name);
    writeFileSync(path, readFileSync(path).subarray(0, 50));
    expect(await scanDataset(configIn(folder), { cacheDir })).toEqual(first);
  });
});

describe('faults', () => {
  it('are all in one report, and the good pairs remain', async () => {
    const whole = pngMask(24, 16, stripes);
    const folder = await folderOf(['a', 'b', 'small', 'cut', 'high', 'badphoto'], {
      'photos/lone.jpg': await photo(24, 16),
      'masks/orphan.png': whole,
      'masks/small.png': pngMask(20, 16, stripes),
      'masks/cut.png': whole.subarray(0, 60),
      'masks/high.png': pngMask(24, 16, (x, y) => (x < 2 && y === 0 ? 9 : 0)),
      'photos/badphoto.jpg': 'no picture',
    });
    const config = configIn(folder, { numClasses: 3 });
    const report = await scanDataset(config);
    expect(report.samples.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(report.photosWithoutMasks).toEqual(['lone.jpg']);
    expect(report.masksWithoutPhotos).toEqual(['orphan.png']);
    expect(report.sizeMismatches).toEqual([
      { id: 'small', photo: { width: 24, height: 16 }, mask: { width: 20, height: 16 } },
    ]);
    expect(report.outOfRange).toEqual([
      { id: 'high', mask: 'high.png', values: [{ value: '9', numPixels: 2 }] },
    ]);
    expect(report.unreadable.map(({ path }) => path)).toEqual(['badphoto.jpg', 'cut.png']);

    expect(() => datasetFrom(report, config)).toThrow(
      '2 files cannot be read (badphoto.jpg: it is no picture of the formats jpg, png, webp or tiff, or damaged at its start, cut.png: the file ends early); ' +
        '1 photo and mask differ in size (small: 24x16 against 20x16); 1 mask with values that are no class (high.png: 9 (2 pixels)): ' +
        'mend them, raise --num-classes above 3, or use --wrong-masks skip to leave them out.',
    );
    const kept = datasetFrom(report, { ...config, wrongMasks: 'skip' });
    expect(kept.samples).toHaveLength(2);
    expect(kept.warnings).toHaveLength(5);
    expect(kept.warnings[0]).toBe('Left out: 1 photo without a mask (lone.jpg).');
    expect(() => datasetFrom(report, { ...config, wrongMasks: 'skip', unpaired: 'stop' })).toThrow(
      'There are 1 photo without a mask (lone.jpg) and 1 mask without a photo (orphan.png): pair them, or use --unpaired warn',
    );

    const text = formatDatasetTable(datasetTable(report), 1);
    expect(text).toContain('photos without a mask (1):\n  lone.jpg');
    expect(text).toContain('files that are wrong (4):\n  badphoto.jpg: it is no picture');
    expect(text).toContain('and 3 more');
  });

  it('point to the palette where a mask of 0 and 255 has two classes', async () => {
    const folder = await folderOf([], {
      'photos/a.jpg': await photo(24, 16),
      'masks/a.png': pngMask(24, 16, (x) => (x < 5 ? 255 : 0)),
    });
    expect(await failure(folder, { numClasses: 2 })).toContain(
      '"#ffffff foreground" if 255 is the foreground',
    );
    expect(await failure(folder, { numClasses: 5 })).toContain('set --ignore-index 255 if 255 is no class');
  });

  it('leave enough to train on, or say so', async () => {
    expect(await failure(await folderOf(['only']))).toContain('There is only one photo with a mask (only)');
    const nothing = await folderOf([], {
      'photos/a.jpg': await photo(24, 16),
      'masks/b.png': pngMask(24, 16, stripes),
    });
    expect(await failure(nothing, { unpaired: 'stop' })).toMatch(
      /No photo in .* has a mask of the same name in .* \(there is a.jpg and b.png\): rename them, or .* --mask-suffix/,
    );
    const blank = { 'masks/a.png': pngMask(24, 16, () => 0), 'masks/b.png': pngMask(24, 16, () => 0) };
    expect(await failure(await folderOf(['a', 'b'], blank))).toContain('hold the value 0 alone');
    const broken = { 'masks/a.png': 'x', 'masks/b.png': 'x' };
    expect(await failure(await folderOf(['a', 'b'], broken), { wrongMasks: 'skip' })).toContain(
      'No photo with a usable mask is left of 2 pairs',
    );
    expect(await failure(await folderOf(['a', 'b'], { 'masks/a.png': '' }))).toContain(
      'a.png: the file is empty',
    );
  });

  it('warn of a class count that one high value made', async () => {
    const folder = await folderOf(['a', 'b'], { 'masks/b.png': pngMask(24, 16, (x) => (x === 3 ? 200 : 0)) });
    const config = configIn(folder);
    expect(datasetFrom(await scanDataset(config), config).warnings).toEqual([
      'The highest mask value is 200, so there are 201 classes, but 197 of them never occur: check the masks, or set --num-classes.',
    ]);
  });
});
