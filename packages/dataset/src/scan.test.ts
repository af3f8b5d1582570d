import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DataConfig, ignoredLabel } from '@unet-fleet/law';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import {
  dataConfig,
  folderWith,
  npyMask,
  paletteMask,
  photo,
  pngMask,
  rgbMask,
} from '../test-support/folders.ts';
import { datasetFrom } from './dataset.ts';
import { datasetTable, formatDatasetTable } from './inspect.ts';
import { loadSample } from './load.ts';
import { scanDataset } from './scan.ts';
import type { Sample } from './types.ts';

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
      '2 files cannot be read (badphoto.jpg: it is no JPEG file, or damaged at its start, cut.png: the file ends early); ' +
        '1 photo and mask differ in size (small: 24x16 against 20x16); 1 mask with values that are no class (high.png: 9 (2 pixels)): ' +
        'mend them, set --ignore-index 9 if 9 marks pixels to leave out, set --num-classes 10 if 9 is a class, or use --wrong-masks skip to leave them out.',
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
    expect(text).toContain(
      'files that are wrong (4):\n  badphoto.jpg: it is no JPEG file, or damaged at its start',
    );
    expect(text).toContain('and 3 more');
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

  it('warn of classes that never occur', async () => {
    const folder = await folderOf(['a', 'b'], { 'masks/b.png': pngMask(24, 16, (x) => (x === 3 ? 5 : 0)) });
    const config = configIn(folder);
    expect(datasetFrom(await scanDataset(config), config).warnings).toEqual([
      'The highest mask value is 5, so there are 6 classes, but 2 of them never occur: check the masks, or set --num-classes.',
    ]);
  });
});

describe('what the values of masks mean', () => {
  const grey = (value: (x: number) => number) => ({
    'masks/a.png': pngMask(24, 16, value),
    'masks/b.png': pngMask(24, 16, (x) => value(23 - x)),
  });
  const labelsOf = async (config: DataConfig) => {
    const dataset = datasetFrom(await scanDataset(config), config);
    const [sample] = dataset.samples as [Sample];
    const data = { ...config, maskValues: dataset.maskValues };
    const { labels } = await loadSample(data, sample, sample);
    return { dataset, labels: Array.from(labels.subarray(0, 24)), ignored: ignoredLabel(data) };
  };

  it('is settled over the whole set, told, loaded and part of the identity', async () => {
    const files = grey((x) => (x < 5 ? 255 : 0));
    const folder = await folderOf(['a', 'b', 'c'], { ...files, 'masks/c.png': pngMask(24, 16, () => 0) });
    const { dataset, labels } = await labelsOf(configIn(folder));
    expect(dataset).toMatchObject({ numClasses: 2, maskValues: '0,255', classPixels: [992, 160] });
    expect(dataset.warnings).toEqual([]);
    expect(dataset.notes).toEqual([
      'Masks hold 0 and 255: read as class 0 and class 1 (--mask-values 0,255).',
    ]);
    expect(labels).toEqual(Array.from({ length: 24 }, (_, x) => Number(x < 5)));
    const { dataset: turned } = await labelsOf(configIn(folder, { maskValues: '255,0' }));
    expect(turned.sha256).not.toBe(dataset.sha256);
    const { dataset: said } = await labelsOf(configIn(folder, { maskValues: '0,255' }));
    expect(said).toEqual({ ...dataset, notes: [] });
  });

  it('leaves the ignored value out, wherever it lies', async () => {
    const zero = await folderOf(
      ['a', 'b'],
      grey((x) => [0, 75, 113][x % 3] as number),
    );
    const mapped = await labelsOf(configIn(zero, { ignoreIndex: 0, maskValues: '75,113' }));
    expect(mapped.labels.slice(0, 3)).toEqual([mapped.ignored, 0, 1]);
    expect(mapped.dataset).toMatchObject({ numClasses: 2, classPixels: [256, 256] });

    const signed = (values: number[]) => npyMask('|i1', 24, 16, (x) => (values[x % 3] as number) & 255);
    const files = { 'masks/a.npy': signed([-1, 0, 1]), 'masks/b.npy': signed([1, 1, 0]) };
    const folder = await folderWith({
      'photos/a.jpg': await photo(24, 16),
      'photos/b.jpg': await photo(24, 16),
      ...files,
    });
    const { dataset, labels, ignored } = await labelsOf(configIn(folder));
    expect(labels.slice(0, 3)).toEqual([ignored, 0, 1]);
    expect(dataset.classPixels).toEqual([256, 384]);
    expect(dataset.notes[0]).toBe(
      'Masks hold -1 in 1 mask (16.7 % of the pixels): left out of loss and metrics (--ignore-index -1).',
    );
    const asClass = await labelsOf(configIn(folder, { maskValues: '-1..1' }));
    expect(asClass.labels.slice(0, 3)).toEqual([0, 1, 2]);
  });

  it('leaves several values out, in the label of the first', async () => {
    const folder = await folderOf(
      ['a', 'b'],
      grey((x) => [0, 1, 2, 255][x % 4] as number),
    );
    const asIs = await labelsOf(configIn(folder, { ignoreIndex: '255,0' }));
    expect(asIs.labels.slice(0, 4)).toEqual([255, 1, 2, 255]);
    expect(asIs.ignored).toBe(255);
    expect(asIs.dataset).toMatchObject({ numClasses: 3, classPixels: [0, 192, 192] });
    const mapped = await labelsOf(configIn(folder, { ignoreIndex: '0,255', maskValues: '1,2' }));
    expect(mapped.labels.slice(0, 4)).toEqual([mapped.ignored, 0, 1, mapped.ignored]);
    expect(mapped.dataset.classPixels).toEqual([192, 192]);
    expect(await failure(folder, { ignoreIndex: '0,255', maskValues: '0..2' })).toContain(
      'has 0 as a class, and --ignore-index 0,255 leaves it out',
    );
  });

  it('is asked where only a person can say it, whatever is done with wrong masks; every answer works', async () => {
    const folder = await folderOf(
      ['a', 'b'],
      grey((x) => (x < 3 ? 255 : x % 3)),
    );
    const sentence = await failure(folder, { wrongMasks: 'skip' });
    expect(sentence).toContain('--ignore-index 255, or, if it is a class, with --mask-values 0..2,255');
    expect((await labelsOf(configIn(folder, { ignoreIndex: 255 }))).dataset.numClasses).toBe(3);
    expect((await labelsOf(configIn(folder, { maskValues: '0..2,255' }))).dataset.numClasses).toBe(4);
    const table = formatDatasetTable(datasetTable(await scanDataset(configIn(folder))));
    expect(table).toContain('value 255');
  });

  it('may be a threshold, where edges are soft', async () => {
    const folder = await folderOf(
      ['a', 'b'],
      grey((x) => [0, 3, 100, 252, 254, 255][x >> 2] as number),
    );
    expect(await failure(folder)).toContain('--mask-threshold 128');
    expect(await failure(folder, { numClasses: 2 })).toContain('--mask-threshold 128');
    const { dataset, labels } = await labelsOf(configIn(folder, { maskThreshold: 128 }));
    expect(dataset).toMatchObject({ numClasses: 2, warnings: [] });
    expect(labels).toEqual(Array.from({ length: 24 }, (_, x) => Number(x >= 12)));
  });

  it('is said once', async () => {
    const folder = await folderOf(['a', 'b'], { 'p.txt': '#000000 a\n#ffffff b\n' });
    const palette = join(folder, 'p.txt');
    expect(await failure(folder, { palette, maskThreshold: 9 })).toContain('both say what');
    expect(await failure(folder, { palette, maskValues: '0,255' })).toContain('both say what');
    expect(await failure(folder, { maskThreshold: 9, maskValues: '0,255' })).toContain('both say what');
    expect(await failure(folder, { ignoreIndex: 255, maskValues: '0,255' })).toContain('leave one out');
    expect(await failure(folder, { numClasses: 3, maskValues: '0,255' })).toContain('makes 2 classes but');
  });

  it('is said by colours, where masks are colours or have palettes that differ; inspect prints the palette', async () => {
    const rgb = (left: number[], right: number[]) => rgbMask(24, 16, (x) => (x < 9 ? left : right));
    const folder = await folderOf(['a', 'b'], {
      'masks/a.png': rgb([0, 0, 0], [255, 0, 0]),
      'masks/b.png': rgb([0, 0, 0], [0, 0, 255]),
    });
    expect(await failure(folder)).toContain(
      'Masks hold 3 colours (#000000, #0000ff, #ff0000), not class indices',
    );
    const { suggestedPalette, samples } = await scanDataset(configIn(folder));
    expect(samples).toEqual([]);
    const palette = join(folder, 'p.txt');
    writeFileSync(palette, suggestedPalette.join('\n'));
    const { dataset, labels } = await labelsOf(configIn(folder, { palette }));
    expect(dataset.numClasses).toBe(3);
    expect(labels[20]).toBe(2);

    const own = await folderOf(['a', 'b'], {
      'masks/a.png': paletteMask(24, 16, (x) => Number(x < 9), [0, 0, 0, 255, 0, 0]),
      'masks/b.png': paletteMask(24, 16, (x) => Number(x < 9), [255, 0, 0, 0, 0, 0]),
    });
    expect(await failure(own)).toContain('0 is #000000 in a.png and #ff0000 in b.png');
    writeFileSync(join(own, 'p.txt'), '#000000 soil\n#ff0000 plant\n');
    const mixed = await folderOf(['a', 'b'], {
      'masks/a.png': paletteMask(24, 16, (x) => Number(x < 9), [0, 0, 0, 255, 255, 255]),
      'masks/b.png': pngMask(24, 16, (x) => (x < 9 ? 255 : 0)),
    });
    expect(await failure(mixed)).toContain('#ffffff is 1 in a.png and 255 in b.png');
    const byColour = await labelsOf(configIn(own, { palette: join(own, 'p.txt') }));
    expect(byColour.dataset.classPixels).toEqual([240 + 144, 144 + 240]);
  });

  it('is read from JPEG with a threshold alone', async () => {
    const grey = await sharp(Buffer.from(Array.from({ length: 24 * 16 }, (_, i) => (i % 24 < 9 ? 255 : 0))), {
      raw: { width: 24, height: 16, channels: 1 },
    })
      .jpeg()
      .toBuffer();
    const photos = { 'photos/a.jpg': await photo(24, 16), 'photos/b.jpg': await photo(24, 16) };
    const folder = folderWith({ ...photos, 'masks/a.jpg': grey, 'masks/b.jpg': grey });
    expect(await failure(folder)).toContain('read as they are with --mask-threshold 128');
    const { labels } = await labelsOf(configIn(folder, { maskThreshold: 128 }));
    expect(labels).toEqual(Array.from({ length: 24 }, (_, x) => Number(x < 9)));
    const some = await folderOf(['a', 'b'], { 'photos/c.jpg': await photo(24, 16), 'masks/c.jpg': grey });
    const { warnings } = datasetFrom(await scanDataset(configIn(some)), configIn(some));
    expect(warnings.join()).toMatch(
      /1 photo without a mask \(c.jpg\), beside one file \.jpg \(JPEG: .* is not read/,
    );
    // A palette of greys is grey; one of colours is none.
    const ramp = (index: number) => [index === 1 ? 200 : 40, 40 + 160 * index, index === 1 ? 200 : 40];
    const greys = paletteMask(24, 16, (x) => Number(x < 9), [...ramp(0), ...ramp(1)]);
    const own = folderWith({ ...photos, 'masks/a.png': greys, 'masks/b.png': greys });
    expect((await labelsOf(configIn(own, { maskThreshold: 128 }))).labels).toEqual(labels);
    const disguised = folderWith({ ...photos, 'masks/a.png': grey, 'masks/b.png': grey });
    expect(await failure(disguised)).toContain('it is JPEG, whose compression moves the values at edges');
  });
});
