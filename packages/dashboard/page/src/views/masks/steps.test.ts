import { expect, test } from 'vitest';
import { segmentedOf } from './segment-answer.ts';
import { indexAfter, indexOfPosition, neighbours, searchIds, toggled } from './steps.ts';

const steps = [10, 20, 30, 45];

test('goes along with the newest evaluation until a step is chosen', () => {
  expect(indexOfPosition(steps, { follows: 'newest' })).toBe(3);
  expect(indexOfPosition([...steps, 60], { follows: 'newest' })).toBe(4);
  expect(indexOfPosition([...steps, 60], { follows: 'step', step: 30 })).toBe(2);
});

test('snaps to the evaluated step before', () => {
  const at = (step: number) => indexOfPosition(steps, { follows: 'step', step });
  expect([1, 10, 19, 20, 44, 45, 99].map(at)).toEqual([0, 0, 0, 1, 2, 3, 3]);
  expect(indexOfPosition([], { follows: 'step', step: 3 })).toBe(-1);
  expect(indexOfPosition([], { follows: 'newest' })).toBe(-1);
});

test('has the neighbours ready that there are', () => {
  expect(neighbours(1, 4)).toEqual([2, 0, 3]);
  expect(neighbours(0, 1)).toEqual([]);
  expect([indexAfter(2, 4), indexAfter(3, 4)]).toEqual([3, null]);
});

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

test('reads a segmented photo, and says what is no answer', () => {
  const header = `${JSON.stringify({ step: 9, width: 2, height: 1, bytesPerPixel: 1 })}\n`;
  const bytes = Uint8Array.of(...new TextEncoder().encode(header), 1, 2, 3, 4, 5, 6, 10, 3);
  const { step, photo, prediction } = segmentedOf(bytes);
  expect([step, [...photo.data], [...prediction.classes]]).toEqual([
    9,
    [1, 2, 3, 255, 4, 5, 6, 255],
    [10, 3],
  ]);
  expect(() => segmentedOf(bytes.subarray(0, -1))).toThrow('1 bytes are no 2 x 1');
  expect(() => segmentedOf(Uint8Array.of(1, 2, 3))).toThrow('no header');
});
