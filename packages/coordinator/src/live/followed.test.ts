import { UserError } from '@unet-fleet/law';
import { expect, it } from 'vitest';
import { Followed } from './followed.ts';

const ids = Array.from({ length: 40 }, (_, i) => `photo-${i}`);

it('follows six photos at first, spread by the seed, the same at every start', () => {
  const first = new Followed(ids, 7).ids;
  expect(first).toHaveLength(6);
  expect(new Set(first).size).toBe(6);
  expect(new Followed(ids, 7).ids).toEqual(first);
  expect(new Followed(ids, 8).ids).not.toEqual(first);
  expect(first).not.toEqual(ids.slice(0, 6));
});

it('follows all photos where there are fewer', () => {
  expect(new Followed(['a', 'b'], 7).ids).toEqual(['a', 'b']);
});

it('keeps the choice, in its order and each photo once, and tells their places', () => {
  const followed = new Followed(ids, 7);
  followed.choose(['photo-9', 'photo-3', 'photo-9']);
  expect(followed.ids).toEqual(['photo-9', 'photo-3']);
  expect(followed.positions).toEqual([9, 3]);
  followed.choose([]);
  expect(followed.ids).toEqual([]);
});

it('refuses too many and unknown photos, and stays with what was chosen', () => {
  const followed = new Followed(ids, 7);
  followed.choose(['photo-1']);
  expect(() => followed.choose(ids.slice(0, 13))).toThrow(UserError);
  expect(() => followed.choose(['photo-1', 'elsewhere'])).toThrow('"elsewhere" is no validation photo');
  expect(followed.ids).toEqual(['photo-1']);
});
