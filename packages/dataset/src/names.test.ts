/** Photos and masks as people have them: forms of Unicode, suffixes, folders, litter, and the way out where nothing fits. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderWith } from '../test-support/folders.ts';
import { type PairOptions, pairFiles } from './pair.ts';

type Given = Partial<PairOptions>;

const pairIn = (files: readonly string[], given: Given = {}) => {
  const folder = folderWith(Object.fromEntries(files.map((path) => [path, ''])));
  const { images = 'photos', masks = 'masks', ...rest } = given;
  return pairFiles({
    ...{ imageSuffix: '', maskSuffix: '', maskThreshold: 0, followLinks: false },
    ...{ ...rest, images: join(folder, images), masks: join(folder, masks) },
  });
};
const idsIn = async (files: readonly string[], given?: Given) =>
  (await pairIn(files, given)).pairs.map(({ id }) => id);
const numbered = (...patterns: string[]) =>
  patterns.flatMap((pattern) => [1, 2, 3].map((n) => pattern.replace('#', String(n))));
const both = { images: 'data', masks: 'data' };
/** é, composed and decomposed. */
const [nfc, nfd] = ['\u00e9', 'e\u0301'];

describe('Unicode forms', () => {
  it.each([
    [nfc, nfd],
    [nfd, nfc],
    ['\ud55c', '\u1112\u1161\u11ab'],
    // The Å of Ångström has a sign of its own, which composes into the letter.
    ['\u212b', 'A\u030a'],
  ])('%j and %j are one name', async (photo, mask) => {
    const { pairs } = await pairIn([`photos/${photo}1/${photo}.jpg`, `masks/${mask}1/${mask}.png`]);
    expect(pairs).toEqual([
      {
        id: `${photo}1/${photo}`.normalize('NFC'),
        photo: `${photo}1/${photo}.jpg`,
        mask: `${mask}1/${mask}.png`,
      },
    ]);
  });

  it('suffixes too', async () => {
    expect(await idsIn([`photos/a.jpg`, `masks/a_${nfd}.png`], { maskSuffix: `_${nfc}` })).toEqual(['a']);
  });

  it('two files of one name are told with what differs', async () => {
    await expect(pairIn([`photos/caf${nfc}.jpg`, `photos/caf${nfd}.jpg`, 'masks/a.png'])).rejects.toThrow(
      /\(with U\+0065 U\+0301\) and .*\(with U\+00E9\), which look alike and differ in Unicode form, .* have the same id/,
    );
  });
});

describe('suffixes and folders', () => {
  it.each<[string, string[], Given]>([
    [
      'Cityscapes',
      numbered(
        'photos/bonn/#_leftImg8bit.png',
        'masks/bonn/#_gtFine_labelIds.png',
        'masks/bonn/#_gtFine_color.png',
      ),
      { imageSuffix: '_leftImg8bit', maskSuffix: '_gtFine_labelIds' },
    ],
    [
      'DeepGlobe',
      numbered('data/#_sat.jpg', 'data/#_mask.png'),
      { ...both, imageSuffix: '_sat', maskSuffix: '_mask' },
    ],
    [
      'one folder, with files of the other extension',
      numbered('data/#_sat.jpg', 'data/#_mask.png', 'data/#_mask.jpg', 'data/#.json'),
      { ...both, imageSuffix: '_sat', maskSuffix: '_mask' },
    ],
    ['Roboflow', numbered('data/#.jpg', 'data/#_mask.png'), { ...both, maskSuffix: '_mask' }],
    [
      'photos alone with a suffix',
      numbered('data/#_sat.png', 'data/#.png'),
      { ...both, imageSuffix: '_sat' },
    ],
    [
      'the longer suffix of two',
      numbered('data/#_a_b.png', 'data/#_b.png'),
      { ...both, imageSuffix: '_a_b', maskSuffix: '_b' },
    ],
    ['JPEG beside PNG', numbered('data/#.jpg', 'data/#.png'), both],
    ['a folder for each', numbered('data/images/#.png', 'data/labels/#.png'), both],
    [
      'called alike, in folders of their own',
      numbered('data/#/image.png', 'data/#/mask.png'),
      { ...both, imageSuffix: 'image', maskSuffix: 'mask' },
    ],
  ])('%s', async (_, files, given) => {
    const { pairs, photosWithoutMasks } = await pairIn(files, given);
    expect(pairs.map(({ id }) => id.split('/').at(-1))).toEqual(['1', '2', '3']);
    expect(photosWithoutMasks).toEqual([]);
  });

  it.each([
    ['within the parts', 'data/train/images/a.jpg', 'data/train/masks/a.png', both],
    ['around the parts', 'data/images/train/a.jpg', 'data/masks/train/a.png', both],
    ['with their part, as in CamVid', 'data/train/a.png', 'data/trainannot/a.png', both],
    ['behind their part', 'data/train_images/a.png', 'data/train_masks/a.png', both],
    ['before their part', 'data/images-train/a.png', 'data/labels-train/a.png', both],
    ['of two folders', 'photos/train/images/a.jpg', 'masks/train/labels/a.png', {}],
  ])('folders of the kinds %s are no part of the id', async (_, photo, mask, given) => {
    expect(await idsIn([photo, mask], given)).toEqual(['train/a']);
  });
});

it.each([
  ['img_*', 'mask_*', 'photos/day/img_1.jpg', 'masks/day/mask_1.png', 'day/1'],
  ['', 'gt-*-x', 'photos/1.jpg', 'masks/gt-1-x.png', '1'],
  [`${nfc}_*`, '', `photos/${nfd}_1.jpg`, 'masks/1.png', '1'],
])('a prefix is written with a *: %s and %s', async (imageSuffix, maskSuffix, photo, mask, id) => {
  const others = ['photos/img_.jpg', 'masks/gt-x.png', 'masks/day/img_1.png'];
  expect(await idsIn([photo, mask, ...others], { imageSuffix, maskSuffix })).toEqual([id]);
});

it('annotations beside the photos are named, with the way to masks', async () => {
  const labelme = numbered('data/#.jpg', 'data/#.json');
  await expect(pairIn(labelme, both)).rejects.toThrow(
    /Beside the photos in .*data there is no mask, but 3 files \.json \(annotations, .*\), which are not read: .*labelme2voc\.py with --labels/,
  );
  await expect(pairIn(numbered('data/#.jpg', 'data/#.txt'), both)).rejects.toThrow(
    /3 files \.txt \(text: polygons/,
  );
});

it('litter is no photo and no mask', async () => {
  const litter = [
    ...['@eaDir/SYNOPHOTO_THUMB_M.jpg', '@eaDir/b.jpg', 'b.jpg@SynoEAStream.jpg', 'SYNOPHOTO_THUMB_M.jpg'],
    ...['._b.jpg', '.thumbnails/b.jpg', '.ipynb_checkpoints/b.jpg', '__MACOSX/._b.jpg', '.AppleDouble/b.jpg'],
    ...[
      '#recycle/b.jpg',
      '@Recycle/b.jpg',
      '$RECYCLE.BIN/b.jpg',
      'lost+found/b.jpg',
      'Thumbs.db',
      'desktop.ini',
    ],
    'Icon\r',
  ];
  const files = ['a.jpg', ...litter, 'day/Thumbs.db', ...litter.map((path) => `day/${path}`)];
  const { pairs, ...rest } = await pairIn([
    'masks/a.png',
    'masks/b.png',
    ...files.map((path) => `photos/${path}`),
  ]);
  expect(pairs.map(({ id }) => id)).toEqual(['a']);
  expect(rest).toMatchObject({ photosWithoutMasks: [], numOtherFiles: 0 });
});

describe('where nothing fits, what would is proposed', () => {
  const proposalFor = async (files: readonly string[], given?: Given) =>
    pairIn(files, given).then(
      ({ proposal }) => proposal,
      (error: Error) => error.message,
    );

  it.each<[string, string[], Given, string]>([
    [
      'a suffix of masks',
      numbered('photos/#.jpg', 'masks/#_gt.png'),
      {},
      'with --mask-suffix _gt, 3 of 3 photos have a mask',
    ],
    [
      'a suffix of photos',
      numbered('photos/#_sat.jpg', 'masks/#.png'),
      {},
      'with --image-suffix _sat, 3 of 3 photos',
    ],
    [
      'what is missing beside what was given',
      numbered('photos/a/a_#_leftImg8bit.png', 'masks/a/a_#_gtFine_labelIds.png'),
      { maskSuffix: '_gtFine_labelIds' },
      'with --image-suffix _leftImg8bit, 3 of 3',
    ],
    [
      'the masks among pictures of them',
      numbered(
        'photos/a/a_#_leftImg8bit.png',
        'masks/a/a_#_gtFine_color.png',
        'masks/a/a_#_gtFine_labelIds.png',
        'masks/a/a_#_gtFine_instanceIds.png',
      ),
      {},
      'with --image-suffix _leftImg8bit --mask-suffix _gtFine_labelIds, 3 of 3',
    ],
    [
      'both, in one folder',
      numbered('data/#_sat.png', 'data/#_mask.png'),
      both,
      'with --image-suffix _sat --mask-suffix _mask, 3 of 3',
    ],
    [
      'the other, in one folder',
      numbered('data/#_sat.png', 'data/#_mask.png'),
      { ...both, maskSuffix: '_gt' },
      'with --image-suffix _sat --mask-suffix _mask, 3 of 3',
    ],
    [
      'one of them, in one folder',
      numbered('data/#.png', 'data/#_m.png'),
      both,
      'with --mask-suffix _m, 3 of 3',
    ],
    ['a folder below', numbered('photos/day/#.jpg', 'masks/v1/day/#.png'), {}, '/masks/v1, 3 of 3'],
    [
      'a folder below and a suffix',
      numbered('photos/#.jpg', 'masks/my labels/#-x.png'),
      {},
      "/masks/my labels' --mask-suffix -x, 3 of 3",
    ],
    [
      'a suffix that is too much',
      numbered('photos/#.jpg', 'masks/#.png'),
      { maskSuffix: '_mask' },
      "with --mask-suffix '', 3 of 3",
    ],
    [
      'prefixes',
      numbered('photos/img_#.png', 'masks/mask_#.png'),
      {},
      "with --image-suffix 'img_*' --mask-suffix 'mask_*', 3 of 3 photos have a mask",
    ],
    ['a prefix', numbered('photos/#.png', 'masks/GT#.png'), {}, "with --mask-suffix 'GT*', 3 of 3"],
    [
      'prefixes in one folder',
      numbered('data/image-#.png', 'data/mask-#.png'),
      both,
      "with --image-suffix 'image-*' --mask-suffix 'mask-*', 3 of 3",
    ],
    [
      'lower case',
      ['photos/Ab.jpg', 'photos/Cd.jpg', 'masks/ab.png', 'masks/cd.png'],
      {},
      'differ in upper and lower case',
    ],
  ])('%s', async (_, files, given, proposal) => {
    expect(await proposalFor(files, given)).toContain(proposal);
  });

  it('nothing, where names have nothing in common', async () => {
    expect(await proposalFor(['photos/a.jpg', 'photos/b.jpg', 'masks/x.png', 'masks/y.png'])).toBeNull();
  });

  it('among 20,000 files', async () => {
    const { proposePairing } = await import('./propose-pairing.ts');
    const names = (suffix: string) => Array.from({ length: 10_000 }, (_, i) => `${i}${suffix}.png`);
    const given = { images: 'a', masks: 'b', imageSuffix: '', maskSuffix: '' };
    expect(proposePairing({ photos: names('_x'), masks: names('_y_z') }, given)).toContain('10000 of 10000');
  });
});
