/**
 * The sample set: drawn figures in clothes, in the layout and formats of Clothing Co-Parsing, so that the quick start
 * and the tests go through the same readers as real data. The same options give the same bytes on the same machine.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@unet-fleet/shared';
import pMap from 'p-map';
import { sampleClasses } from './figure.ts';
import { matWithMask, matWithNames } from './mat-writer.ts';
import { renderScene } from './render.ts';

export interface SampleSetOptions {
  numImages?: number;
  width?: number;
  height?: number;
  seed?: number;
  onProgress?: (numDone: number, numImages: number) => void;
}

/** Where the parts of a sample set are: what --images, --masks and --class-names take. */
export interface SampleSet {
  images: string;
  masks: string;
  classNames: string;
  numImages: number;
}

/** Writes photos/NNNN.jpg, annotations/pixel-level/NNNN.mat and label_list.mat below `folder`. */
export async function generateSample(folder: string, options: SampleSetOptions = {}): Promise<SampleSet> {
  const { numImages = 240, width = 192, height = 256, seed = 1, onProgress } = options;
  const set = sampleSetIn(folder, numImages);
  makeFolder(set.images);
  makeFolder(set.masks);
  await writeFile(set.classNames, matWithNames('label_list', sampleClasses));
  let numDone = 0;
  const indices = Array.from({ length: numImages }, (_, i) => i);
  const renderOne = async (index: number) => {
    const { photo, labels } = await renderScene(seed, index, width, height);
    const id = String(index + 1).padStart(4, '0');
    await writeFile(join(set.images, `${id}.jpg`), photo);
    await writeFile(join(set.masks, `${id}.mat`), matWithMask('groundtruth', labels, width, height));
    onProgress?.(++numDone, numImages);
  };
  await pMap(indices, renderOne, { concurrency: 3 });
  return set;
}

function sampleSetIn(folder: string, numImages: number): SampleSet {
  return {
    images: join(folder, 'photos'),
    masks: join(folder, 'annotations', 'pixel-level'),
    classNames: join(folder, 'label_list.mat'),
    numImages,
  };
}
