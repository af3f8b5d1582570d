import { metricsOf } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import { cellOf, denseConfusion, mistakesIn, occurringClasses, type SparseConfusion } from './confusion.ts';

/** 4 classes: class 2 occurs nowhere, class 3 is predicted only. */
const confusion: SparseConfusion = { indices: [0, 1, 4, 5, 7], counts: [50, 10, 5, 80, 5] };
const dense = denseConfusion(confusion, 4);
const { classes } = metricsOf(dense, 4);

test('fills the matrix and refuses cells outside', () => {
  expect([...dense].filter(Boolean)).toEqual([50, 10, 5, 80, 5]);
  expect(() => denseConfusion(confusion, 2)).toThrow('cell 4 of 2 classes');
});

test('gives a row to the classes that occur, those with most true pixels first', () => {
  expect(occurringClasses(classes).map(({ classIndex }) => classIndex)).toEqual([1, 0, 3]);
});

test('says of a cell what share of its true class it is, where there is one', () => {
  expect(cellOf(dense, classes, { truth: 0, prediction: 1 })).toMatchObject({ count: 10, share: 10 / 60 });
  expect(cellOf(dense, classes, { truth: 3, prediction: 3 })).toMatchObject({ count: 0, share: null });
});

test('lists mistakes by pixels, without what is right', () => {
  expect(mistakesIn(dense, classes)).toEqual([
    { truth: 0, prediction: 1, count: 10, share: 10 / 60 },
    { truth: 1, prediction: 0, count: 5, share: 5 / 90 },
    { truth: 1, prediction: 3, count: 5, share: 5 / 90 },
  ]);
});
