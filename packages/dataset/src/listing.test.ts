/** The listing of a run's data: what a worker reads from it is what the scan found, and nothing in it is believed. */
import { describe, expect, it } from 'vitest';
import { manifestSha256 } from './dataset.ts';
import { listingText, parseListing } from './listing.ts';
import type { Sample } from './types.ts';

const sha = (digit: string) => digit.repeat(64);
const samples: Sample[] = [
  {
    id: 'a',
    photo: 'a.jpg',
    mask: 'a.png',
    width: 4,
    height: 3,
    page: 0,
    photoSha256: sha('1'),
    maskSha256: sha('2'),
  },
  {
    ...{ id: 'ü "b"\n', photo: 'ü "b"\n.JPG', mask: 'ü "b"\n_mask.mat' },
    ...{ width: 5, height: 2, page: 3, photoSha256: sha('3'), maskSha256: sha('4') },
  },
];

const meaning = { maskValues: 'as-is', maskThreshold: 0 };

describe('a listing', () => {
  it('gives the samples back, with their identity', () => {
    const paletteSha256 = sha('a');
    const split = { training: ['ü "b"\n'], validation: ['a'] };
    for (const set of [
      { paletteSha256, split: null },
      { paletteSha256, split },
    ]) {
      const listing = parseListing(listingText({ samples, ...set }), meaning);
      const sha256 = manifestSha256(samples, { ...set, ...meaning });
      expect(listing).toEqual({ samples, ...set, sha256 });
    }
    const identities = [
      { paletteSha256, split },
      { paletteSha256, split: null },
      { paletteSha256: '', split: null },
      { paletteSha256, split: { training: ['a'], validation: ['ü "b"\n'] } },
    ].map((set) => manifestSha256(samples, { ...set, ...meaning }));
    expect(new Set(identities).size).toBe(4);
  });

  const text = listingText({ samples, split: null, paletteSha256: '' });
  it.each([
    ['empty', ''],
    ['cut off', text.slice(0, -3)],
    ['without its last line', `${text.split('\n').slice(0, 2).join('\n')}\n`],
    ['of another format', text.replace('listing 2', 'listing 1')],
    ['with a hash that is none', text.replace(sha('1'), 'x')],
    ['with a size that is none', text.replace('4,3', '4,-3')],
    ['with a line that is no list', text.replace('["a"', '{"a"')],
  ])('%s is refused', (_, damaged) => {
    expect(damaged).not.toBe(text);
    expect(() => parseListing(damaged, meaning)).toThrow(
      'The listing of the data is damaged: start the worker again.',
    );
  });
});
