/** Splits that the data brings along, by folders and by lists. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataConfig, folderWith, photo, pngMask } from '../test-support/folders.ts';
import { datasetFrom } from './dataset.ts';
import { divide } from './given-split.ts';
import type { Pairing } from './pair.ts';
import { scanDataset } from './scan.ts';

const pairing = (ids: readonly string[], lone: readonly string[] = []): Pairing => ({
  pairs: ids.map((id) => ({ id, photo: `${id}_leftImg8bit.jpg`, mask: `${id}.png` })),
  photosWithoutMasks: lone.map((id) => ({ id, path: `${id}.jpg` })),
  masksWithoutPhotos: [],
  numOtherFiles: 0,
  proposal: null,
});
const options = { ...dataConfig({}), images: 'photos' };

describe('by folders', () => {
  it.each([
    [['train/a', 'val/b'], ['train/a'], ['val/b']],
    [['Training/a/x', 'validation/b/x'], ['Training/a/x'], ['validation/b/x']],
    [['train2017/a', 'val2017/b', 'test2017/c'], ['train2017/a'], ['val2017/b']],
    [['train/a', 'valid/b', 'test/c', 'extra/d', 'e'], ['train/a'], ['valid/b']],
  ])('%j', (ids, training, validation) => {
    const { split, pairing: kept, notes } = divide(pairing(ids, ['test/lone', 'val/lone']), options);
    expect(split).toEqual({ training, validation });
    expect(kept.pairs).toHaveLength(2);
    expect(kept.photosWithoutMasks).toEqual([{ id: 'val/lone', path: 'val/lone.jpg' }]);
    expect(notes).toHaveLength(1);
    expect(notes[0]?.includes('left out')).toBe(ids.length > 2);
  });

  it('a test set is left out, also where validation is drawn', () => {
    const { split, pairing: kept, notes } = divide(pairing(['train/a', 'train/b', 'test/c']), options);
    expect(split).toBeNull();
    expect(kept.pairs.map(({ id }) => id)).toEqual(['train/a', 'train/b']);
    expect(notes[0]).toContain('1 photo in test/ left out');
  });

  it.each([
    [['train/a', 'bus/b', 'test/c']],
    [['a', 'b']],
    [['trains/a', 'val/b']],
    [['train/a', 'train/b']],
    [['train/a', 'city/b']],
  ])('%j are no parts', (ids) => {
    expect(divide(pairing(ids), options)).toMatchObject({ split: null, notes: [] });
    expect(divide(pairing(ids), options).pairing.pairs).toHaveLength(ids.length);
  });

  it('--split random takes all', () => {
    const ids = ['train/a', 'val/b', 'test/c'];
    const { split, pairing: kept } = divide(pairing(ids), { ...options, split: 'random' });
    expect(split).toBeNull();
    expect(kept.pairs).toHaveLength(3);
  });
});

describe('by lists', () => {
  const ids = ['bonn/a 1', 'bonn/b', 'ulm/\u00e9', 'ulm/d', 'ulm/e'];
  const divided = (train: string, val: string, more: Partial<typeof options> = {}) => {
    const folder = folderWith({ 'train.txt': train, 'val.txt': val });
    const lists = { trainList: join(folder, 'train.txt'), valList: join(folder, 'val.txt') };
    return divide(pairing(ids, ['ulm/lone']), { ...options, ...lists, ...more });
  };

  it.each([
    ['ids', 'bonn/a 1\nbonn/b', 'ulm/d'],
    ['file names', 'bonn/a 1_leftImg8bit.jpg\nbonn/b_leftImg8bit.jpg', 'ulm/d_leftImg8bit.jpg'],
    ['masks', 'bonn/a 1.png\nbonn/b.png', 'ulm/d.png'],
    ['paths from above', '/data/photos/bonn/a 1_leftImg8bit.jpg\n./photos/bonn/b', 'C:\\photos\\ulm\\d.png'],
    ['names without their folder', 'a 1\nb_leftImg8bit.jpg', 'd'],
    ['a BOM, CRLF, spaces and empty lines', '\ufeffbonn/a 1  \r\n\r\nbonn/b\r\n', ' ulm/d\r'],
    ['columns', 'bonn/a 1\nbonn/b bonn/b.png', 'ulm/d 1'],
  ])('%s', (_, train, val) => {
    const { split, pairing: kept, notes } = divided(train, val);
    expect(split).toEqual({ training: ['bonn/a 1', 'bonn/b'], validation: ['ulm/d'] });
    expect(kept.pairs).toHaveLength(3);
    expect(kept.photosWithoutMasks).toEqual([]);
    expect(notes[0]).toBe(
      'The split is that of the lists: 2 for training, 1 for validation; 2 photos in neither left out.',
    );
  });

  it('Unicode forms match', () => {
    expect(divided('ulm/e\u0301', 'ulm/d').split?.training).toEqual(['ulm/\u00e9']);
  });

  it.each<[string, string, string, RegExp]>([
    [
      'a photo in both',
      'bonn/b\nulm/d',
      'ulm/d.png',
      /1 photo stands? in .*train.txt and in .*val.txt \(ulm\/d\): what is trained on/,
    ],
    ['a photo in both under two names', 'bonn/b', 'b', /\(bonn\/b\)/],
    [
      'no photo of the set',
      'x\ny',
      'bonn/b',
      /None of the 2 lines of .*train.txt is a photo in photos \(the first is "x"; there is bonn\/a 1/,
    ],
    ['nothing', '', 'bonn/b', /train.txt names no photo: check --train-list/],
    ['no text', 'a\0b', 'bonn/b', /train.txt is no text/],
  ])('%s', (_, train, val, message) => {
    expect(() => divided(train, val)).toThrow(message);
  });

  it('a part of another folder is not taken for a photo of the same name', () => {
    expect(() => divided('bonn/b', 'hamburg/d')).toThrow(/val.txt/);
  });

  it('what is missing is told, or stops', () => {
    expect(divided('bonn/b\nbonn/gone', 'ulm/d').warnings[0]).toMatch(
      /^Left out: 1 line of .* is no photo in photos \(bonn\/gone\)\.$/,
    );
    expect(() => divided('bonn/b\nbonn/gone', 'ulm/d', { unpaired: 'stop' })).toThrow(/mend the list/);
  });
});

it('a scan takes the split, tells the same photo in both parts, and makes it part of the identity', async () => {
  const mask = pngMask(20, 16, (x) => x % 2);
  const [one, other] = [await photo(20, 16, 'png', 10), await photo(20, 16, 'png', 90)];
  const folder = folderWith({
    ...{
      'train/images/a.png': one,
      'train/masks/a.png': mask,
      'train/images/b.png': other,
      'train/masks/b.png': mask,
    },
    ...{ 'val/images/c.png': one, 'val/masks/c.png': mask },
    // Never looked at.
    ...{ 'test/images/d.png': 'no picture', 'test/masks/d.png': mask },
  });
  const config = dataConfig({ images: folder, masks: folder });
  const dataset = datasetFrom(await scanDataset(config), config);
  expect(dataset.split).toEqual({ training: ['train/a', 'train/b'], validation: ['val/c'] });
  expect(dataset.notes).toEqual([
    'The split is that of the folders: train/ (2) for training, val/ (1) for validation; 1 photo in test/ left out (--split random draws one from all).',
  ]);
  expect(dataset.warnings).toEqual([
    '1 photo of the validation is trained on under another name (train/a and val/c): the scores will be too good.',
  ]);
  const drawn = { ...config, split: 'random' as const, wrongMasks: 'skip' as const };
  const random = datasetFrom(await scanDataset(drawn), drawn);
  expect(random).toMatchObject({ split: null, samples: dataset.samples });
  expect(random.sha256).not.toBe(dataset.sha256);
});
