import { expect, test } from 'vitest';
import { indexAfter, indexOfPosition, neighbours } from './steps.ts';

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
