/** A dead end is a fault: whatever option a sentence about masks advises must work when it is followed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataConfig } from '@unet-fleet/law';
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
import { scanDataset } from './scan.ts';

type Options = Partial<DataConfig>;

const width = 60;
const greys = (values: number[]) => [
  pngMask(width, 16, (x) => values[x % values.length] as number),
  pngMask(width, 16, (x) => values[(x + 1) % values.length] as number),
];
const signed = (values: number[]) =>
  [0, 1].map((shift) =>
    npyMask('|i1', width, 16, (x) => (values[(x + shift) % values.length] as number) & 255),
  );
const softly = (between: number[]) => greys([...Array(25).fill(0), ...between, ...Array(25).fill(255)]);
const fractions = () =>
  [0, 1].map((shift) => {
    const header = npyMask('<f4', width, 16, () => 0).subarray(0, -width * 16);
    const values = Float32Array.from({ length: width * 16 }, (_, i) => ((i % width) + shift) / (width + 1));
    return Buffer.concat([header, Buffer.from(values.buffer)]);
  });
const names = (count: number) => Array.from({ length: count }, (_, i) => `name ${i}`).join('\n');

async function folderOf(masks: Uint8Array[], extension: string, list = ''): Promise<string> {
  const files: Record<string, Uint8Array | string> = { 'names.txt': list };
  for (const [i, mask] of masks.entries()) {
    files[`photos/${i}.png`] = await photo(width, 16, 'png', i);
    files[`masks/${i}.${extension}`] = mask;
  }
  return folderWith(files);
}

const outcome = async (folder: string, options: Options): Promise<string | null> => {
  const config = dataConfig({ images: join(folder, 'photos'), masks: join(folder, 'masks'), ...options });
  return scanDataset(config)
    .then((report) => datasetFrom(report, config))
    .then(
      () => null,
      (error: Error) => error.message,
    );
};

/** Each alternative of the sentence: the options that stand in one part of it. */
function adviceOf(sentence: string): Options[] {
  return sentence.split(/, |; | or /).flatMap((part): Options[] => {
    const found = [
      ...part.matchAll(/--(mask-values|mask-threshold|ignore-index|num-classes|wrong-masks) (-?[\w.,-]*\w)/g),
    ];
    if (found.length === 0) return [];
    return [
      Object.fromEntries(
        found.map(([, flag = '', value = '']) => [
          flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
          /^(mask-values|wrong-masks)$/.test(flag) || value.includes(',') ? value : Number(value),
        ]),
      ),
    ];
  });
}

describe('what a sentence about masks advises works', () => {
  it.each<[string, Uint8Array[], string, Options, string, number]>([
    ['VOC', greys([0, 1, 2, 255]), 'png', {}, '', 2],
    ['VOC with its number of classes', greys([0, 1, 2, 255]), 'png', { numClasses: 3 }, '', 2],
    ['VOC with names', greys([0, 1, 2, 255]), 'png', {}, names(3), 2],
    ['1 to n and 255', greys([1, 2, 3, 255]), 'png', {}, '', 2],
    ['edges', softly([1, 2, 60, 200, 253, 254]), 'png', {}, '', 2],
    ['edges with two classes', softly([1, 2, 60, 200, 253, 254]), 'png', { numClasses: 2 }, '', 2],
    ['edges with two names', softly([1, 2, 60, 200, 253, 254]), 'png', {}, names(2), 2],
    ['edges with four classes', softly([1, 2, 60, 200, 253, 254]), 'png', { numClasses: 4 }, '', 2],
    ['black and white with three classes', greys([0, 255]), 'png', { numClasses: 3 }, '', 2],
    ['black and white with three names', greys([0, 255]), 'png', {}, names(3), 0],
    ['greys with two classes', greys([0, 99, 200]), 'png', { numClasses: 2 }, '', 1],
    ['a value too high', greys([0, 1, 2, 9]), 'png', { numClasses: 3 }, '', 2],
    ['a value too high, with names', greys([0, 1, 2, 9]), 'png', {}, names(3), 2],
    ['a negative value', signed([-2, 0, 1]), 'npy', {}, '', 2],
    ['several negative values', signed([-3, -2, 0, 1]), 'npy', {}, '', 2],
    ['a value to leave out beside another', greys([0, 1, 2, 255]), 'png', { ignoreIndex: 0 }, '', 2],
    [
      'a value too high beside an ignored one',
      greys([0, 1, 2, 9]),
      'png',
      { numClasses: 4, ignoreIndex: 0 },
      '',
      2,
    ],
    ['one value', greys([255]), 'png', {}, '', 1],
    ['one value and -1', signed([-1, 1]), 'npy', {}, '', 1],
    ['a value that is not listed', greys([0, 100, 200]), 'png', { maskValues: '0,100' }, '', 2],
    [
      'a value that is not listed, with their number',
      greys([0, 100, 200]),
      'png',
      { maskValues: '0,100', numClasses: 2 },
      '',
      1,
    ],
    ['probabilities', fractions(), 'npy', {}, '', 1],
    ['a photo', greys(Array.from({ length: 60 }, (_, i) => Math.round((i * 255) / 59))), 'png', {}, '', 0],
  ])('%s', async (_, masks, extension, given, list, atLeast) => {
    const folder = await folderOf(masks, extension, list);
    const options = list === '' ? given : { ...given, classNames: join(folder, 'names.txt') };
    const sentence = await outcome(folder, options);
    const advice = adviceOf(sentence ?? '').filter(({ wrongMasks }) => wrongMasks === undefined);
    expect(advice.length, `${sentence}`).toBeGreaterThanOrEqual(atLeast);
    for (const followed of advice) {
      const next = await outcome(folder, { ...options, ...followed });
      expect(next, `${sentence}\n${JSON.stringify(followed)}`).toBeNull();
    }
  });

  it.each([
    ['colours', [0, 1].map((i) => rgbMask(width, 16, (x) => (x % 2 ? [0, 0, 0] : [255, 9 * i, 0])))],
    [
      'palettes that differ',
      [0, 1].map((i) =>
        paletteMask(width, 16, (x) => x % 2, i ? [0, 0, 0, 255, 0, 0] : [255, 0, 0, 0, 0, 0]),
      ),
    ],
  ])('%s: the palette that inspect prints', async (_, masks) => {
    const folder = await folderOf(masks, 'png');
    expect(await outcome(folder, {})).toContain('--palette');
    const images = join(folder, 'photos');
    const { suggestedPalette } = await scanDataset(dataConfig({ images, masks: join(folder, 'masks') }));
    writeFileSync(join(folder, 'palette.txt'), suggestedPalette.join('\n'));
    expect(readFileSync(join(folder, 'palette.txt'), 'utf8')).toContain('#000000');
    expect(await outcome(folder, { palette: join(folder, 'palette.txt') })).toBeNull();
  });
});
