import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataConfig, folderWith } from '../../test-support/folders.ts';
import { datasetFrom } from '../dataset.ts';
import { scanDataset } from '../scan.ts';
import { sampleClasses } from './figure.ts';
import { generateSample } from './generate.ts';

const options = { numImages: 12, width: 96, height: 128, seed: 3 };

describe('the sample set', () => {
  it('is read like Clothing Co-Parsing, and holds every class', async () => {
    const folder = folderWith({});
    const { images, masks, classNames } = await generateSample(folder, options);
    expect([images, masks, classNames]).toEqual([
      join(folder, 'photos'),
      join(folder, 'annotations/pixel-level'),
      join(folder, 'label_list.mat'),
    ]);
    const config = dataConfig({ images, masks, classNames });
    const dataset = datasetFrom(await scanDataset(config), config);
    expect(dataset.samples.map(({ id }) => id)).toEqual(
      Array.from({ length: 12 }, (_, i) => String(i + 1).padStart(4, '0')),
    );
    expect(dataset.classNames).toEqual([...sampleClasses]);
    expect(dataset.warnings).toEqual([]);
    for (const pixels of dataset.classPixels) expect(pixels).toBeGreaterThan(0.01 * 12 * 96 * 128);
  });

  it('has the same bytes each time, and others for another seed', async () => {
    const digest = async (seed: number) => {
      const { images, masks } = await generateSample(folderWith({}), { ...options, numImages: 3, seed });
      const hash = createHash('sha256');
      for (const id of ['0001', '0002', '0003']) {
        hash.update(readFileSync(join(images, `${id}.jpg`))).update(readFileSync(join(masks, `${id}.mat`)));
      }
      return hash.digest('hex');
    };
    const first = await digest(1);
    expect(await digest(1)).toBe(first);
    expect(await digest(2)).not.toBe(first);
  });
});
