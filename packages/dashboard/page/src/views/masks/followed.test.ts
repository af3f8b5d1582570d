import { expect, test } from 'vitest';
import { searchIds, toggled } from './followed.ts';

test('follows a bounded number of photos in the order in which they were picked', () => {
  expect(toggled(['b'], 'a', 2)).toEqual(['b', 'a']);
  expect(toggled(['b', 'a'], 'c', 2)).toEqual(['b', 'a']);
  expect(toggled(['b', 'a'], 'b', 2)).toEqual(['a']);
});

test('finds ids by all words, however many there are', () => {
  const ids = Array.from({ length: 500 }, (_, index) => `photo-${index}`);
  expect(searchIds(ids, '7 PHOTO', 3)).toEqual({ found: ['photo-7', 'photo-17', 'photo-27'], numFound: 95 });
  expect(searchIds(ids, '', 2).numFound).toBe(500);
});
