import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderWith } from '../test-support/folders.ts';
import { pairFiles } from './pair.ts';

const pairIn = (files: string[], options: { images?: string; masks?: string; maskSuffix?: string } = {}) => {
  const folder = folderWith(Object.fromEntries(files.map((path) => [path, ''])));
  const { images = 'photos', masks = 'masks', maskSuffix = '' } = options;
  return pairFiles({ images: join(folder, images), masks: join(folder, masks), maskSuffix });
};

describe('pairing', () => {
  it('matches by path below the folder, in an order that no locale changes', async () => {
    const { pairs, photosWithoutMasks, masksWithoutPhotos, numOtherFiles } = await pairIn([
      'photos/b.JPG',
      'photos/a.png',
      'photos/Z.webp',
      'photos/ä.jpg',
      'photos/day/a.tiff',
      'photos/lone.jpg',
      'photos/notes.txt',
      'masks/b.mat',
      'masks/a.npy',
      'masks/Z.png',
      'masks/ä.tif',
      'masks/day/a.png',
      'masks/other.png',
      'masks/.hidden.png',
    ]); // prettier-ignore
    expect(pairs.map(({ id }) => id)).toEqual(['Z', 'a', 'b', 'day/a', 'ä']);
    expect(pairs[3]).toEqual({ id: 'day/a', photo: 'day/a.tiff', mask: 'day/a.png' });
    expect(photosWithoutMasks).toEqual(['lone.jpg']);
    expect(masksWithoutPhotos).toEqual(['other.png']);
    expect(numOtherFiles).toBe(1);
  });

  it('takes the mask suffix off, also where photos and masks share a folder', async () => {
    const apart = await pairIn(['photos/car01.jpg', 'masks/car01_mask.png', 'masks/car01.png'], {
      maskSuffix: '_mask',
    });
    expect(apart.pairs).toEqual([{ id: 'car01', photo: 'car01.jpg', mask: 'car01_mask.png' }]);
    const together = await pairIn(['all/car01.png', 'all/car01_mask.png'], {
      images: 'all',
      masks: 'all',
      maskSuffix: '_mask',
    });
    expect(together.pairs).toEqual([{ id: 'car01', photo: 'car01.png', mask: 'car01_mask.png' }]);
    expect(together.photosWithoutMasks).toEqual([]);
  });

  it('does not take masks in a folder below the photos for photos', async () => {
    const { pairs, photosWithoutMasks } = await pairIn(['data/a.jpg', 'data/masks/a.png'], {
      images: 'data',
      masks: 'data/masks',
    });
    expect(pairs).toHaveLength(1);
    expect(photosWithoutMasks).toEqual([]);
  });

  it('does not walk a link to a folder above for ever', async () => {
    const folder = folderWith({ 'photos/a.jpg': '', 'masks/a.png': '' });
    mkdirSync(join(folder, 'photos/below'));
    symlinkSync(join(folder, 'photos'), join(folder, 'photos/below/up'));
    const { pairs } = await pairFiles({
      images: join(folder, 'photos'),
      masks: join(folder, 'masks'),
      maskSuffix: '',
    });
    expect(pairs).toHaveLength(1);
  });

  it.each([
    [['photos/a.jpg'], {}, /There is no folder .*masks: check --masks/],
    [['masks/a.png', 'photos/.keep'], {}, /The folder .*photos is empty: check --images/],
    [['photos/a.txt', 'masks/a.png'], {}, /There is no photo \(\.jpg, .*\) in .*photos: check --images/],
    [
      ['photos/a.jpg', 'masks/a.png'],
      { maskSuffix: '_m' },
      /There is no mask .* whose name ends in "_m" in .*masks/,
    ],
    [['photos/a.jpg', 'photos/a.png', 'masks/a.png'], {}, /a.jpg and a.png in .*photos have the same id "a"/],
    [['all/a.jpg'], { images: 'all', masks: 'all' }, /Photos and masks are both in .*--mask-suffix/],
    [['photos/a.jpg', 'masks'], {}, /masks is no folder: check --masks/],
  ])('%j %j', async (files, options, message) => {
    await expect(pairIn(files, options)).rejects.toThrow(message);
  });
});
