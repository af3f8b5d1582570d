import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderWith } from '../test-support/folders.ts';
import { type PairOptions, pairFiles } from './pair.ts';

const plain = { imageSuffix: '', maskSuffix: '', maskThreshold: 0, followLinks: false };

const pairIn = (files: string[], options: Partial<PairOptions> = {}) => {
  const folder = folderWith(Object.fromEntries(files.map((path) => [path, ''])));
  const { images = 'photos', masks = 'masks', ...rest } = options;
  return pairFiles({ ...plain, ...rest, images: join(folder, images), masks: join(folder, masks) });
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
    expect(photosWithoutMasks).toEqual([{ id: 'lone', path: 'lone.jpg' }]);
    expect(masksWithoutPhotos).toEqual([{ id: 'other', path: 'other.png' }]);
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

  it.each([
    { imageSuffix: '_sat', maskSuffix: '_mask' },
    { imageSuffix: '_sat', maskSuffix: '' },
    { imageSuffix: '', maskSuffix: '_mask' },
  ])('takes arrays for the photos of pictures where suffixes say so: %o', async (suffixes) => {
    const names = [`all/1${suffixes.imageSuffix}.npy`, `all/1${suffixes.maskSuffix}.gif`];
    const { pairs } = await pairIn(names, { images: 'all', masks: 'all', ...suffixes });
    expect(pairs).toEqual([{ id: '1', photo: names[0]?.slice(4), mask: names[1]?.slice(4) }]);
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
      ...plain,
      followLinks: false,
    });
    expect(pairs).toHaveLength(1);
  });

  it.each([
    ['a file', (folder: string) => symlinkSync(join(folder, 'secret/b.jpg'), join(folder, 'photos/b.jpg'))],
    ['a folder', (folder: string) => symlinkSync(join(folder, 'secret'), join(folder, 'photos/b'))],
    ['a relative one', (folder: string) => symlinkSync('../secret/b.jpg', join(folder, 'photos/b.jpg'))],
    // Its name begins as the folder's does.
    ['one beside', (folder: string) => symlinkSync('../photos2/b.jpg', join(folder, 'photos/b.jpg'))],
  ])('does not leave its folder by a link to %s, unless it is allowed', async (_, link) => {
    const files = [
      'photos/a.jpg',
      'masks/a.png',
      'masks/b.png',
      'masks/b/b.png',
      'secret/b.jpg',
      'photos2/b.jpg',
    ];
    const folder = folderWith(Object.fromEntries(files.map((path) => [path, ''])));
    link(folder);
    const options = { images: join(folder, 'photos'), masks: join(folder, 'masks'), ...plain };
    await expect(pairFiles({ ...options, followLinks: false })).rejects.toThrow(
      /photos, b(\.jpg)? lead out of the folder by links: put the files there, or allow it with --follow-links/,
    );
    expect((await pairFiles({ ...options, followLinks: true })).pairs).toHaveLength(2);
  });

  it('follows links within the folder, also where the folder itself is one', async () => {
    const folder = folderWith({ 'pool/a.jpg': '', 'masks/a.png': '', 'masks/b.png': '' });
    symlinkSync(join(folder, 'pool'), join(folder, 'photos'));
    symlinkSync(join(folder, 'photos/a.jpg'), join(folder, 'pool/b.jpg'));
    const masks = join(folder, 'masks');
    const { pairs } = await pairFiles({
      images: join(folder, 'photos'),
      masks,
      ...plain,
      followLinks: false,
    });
    expect(pairs.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('does not take what is no file, such as a pipe, for one', async () => {
    const folder = folderWith({ 'photos/a.jpg': '', 'masks/a.png': '' });
    execFileSync('mkfifo', [join(folder, 'photos/b.jpg')]);
    symlinkSync('/dev/zero', join(folder, 'photos/c.jpg'));
    const masks = join(folder, 'masks');
    symlinkSync('nowhere.jpg', join(folder, 'photos/d.jpg'));
    const { pairs, photosWithoutMasks, noFiles } = await pairFiles({
      images: join(folder, 'photos'),
      masks,
      ...plain,
      followLinks: true,
    });
    expect(pairs).toHaveLength(1);
    expect(noFiles.sort()).toEqual([
      'b.jpg is a pipe',
      'c.jpg is a device',
      'd.jpg is a link that leads nowhere',
    ]);
    expect(photosWithoutMasks).toEqual([]);
  });

  it.each(['a\nb.jpg', 'a\u001b[2J.jpg', 'gpj.\u202eexe.jpg', 'a\u0085.jpg'])(
    'refuses a name that a terminal or a log would obey: %j',
    async (name) => {
      const error = await pairIn([`photos/${name}`, 'masks/a.png']).catch((caught: Error) => caught);
      expect((error as Error).message).toMatch(
        /photos, the name .*\\u[0-9a-f]{4}.* control character in it: rename/,
      );
    },
  );

  it.each([
    [['photos/a.jpg'], {}, /There is no folder .*masks: check --masks/],
    [['masks/a.png', 'photos/.keep'], {}, /The folder .*photos is empty: check --images/],
    [
      ['photos/a.txt', 'masks/a.png'],
      {},
      /There is no photo \(\.jpg, .*\) in .*photos, but one file \.txt .*; or check --images/,
    ],
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
