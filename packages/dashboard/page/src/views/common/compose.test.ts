import type { LabelMap } from '@unet-fleet/pictures/models/class-map';
import { countErrors } from '@unet-fleet/pictures/models/class-map';
import { expect, test } from 'vitest';
import { cellPicture, errorColours, errorPicture, type Look, tinted } from './compose.ts';
import type { Pixels } from './pixels.ts';

const row = (...classes: number[]): LabelMap => ({
  width: classes.length,
  height: 1,
  labels: Uint8Array.from(classes),
});

const black = (numPixels: number): Pixels => {
  const data = new Uint8ClampedArray(numPixels * 4);
  for (let at = 3; at < data.length; at += 4) data[at] = 255;
  return { width: numPixels, height: 1, data };
};

const pixelOf = ({ data }: Pixels, index: number) => [...data.subarray(index * 4, index * 4 + 3)];

const look = (changes: Partial<Look> = {}): Look => ({
  colours: [
    [90, 90, 90],
    [200, 0, 0],
    [0, 200, 0],
  ],
  isShown: [true, true, true],
  opacity: 1,
  background: 0,
  ...changes,
});

test('tints by class, the background a third as much, and leaves bare what is switched off', () => {
  const picture = tinted(black(3), row(0, 1, 2), look({ isShown: [true, true, false] }), false);
  expect(pixelOf(picture, 0)).toEqual([30, 30, 30]);
  expect(pixelOf(picture, 1)).toEqual([200, 0, 0]);
  expect(pixelOf(picture, 2)).toEqual([0, 0, 0]);
});

test('mixes with the photo by opacity and changes no pixel at none', () => {
  expect(pixelOf(tinted(black(1), row(1), look({ opacity: 0.5 }), false), 0)).toEqual([100, 0, 0]);
  expect(tinted(black(2), row(1, 255), look({ opacity: 0 }), true)).toEqual(black(2));
});

test('hatches what is ignored in the truth alone', () => {
  const map = row(255, 255, 255, 255, 255, 255, 255);
  const hatched = tinted(black(7), map, look(), true);
  expect(pixelOf(hatched, 0)).toEqual(pixelOf(hatched, 6));
  expect(pixelOf(hatched, 0)).not.toEqual(pixelOf(hatched, 2));
  expect(tinted(black(7), map, look(), false)).toEqual(black(7));
});

test('colours errors by kind, leaves what is right grey, and never counts the ignored', () => {
  const truth = row(1, 1, 0, 1, 255);
  const prediction = row(1, 0, 2, 2, 1);
  const picture = errorPicture(black(5), truth, prediction, look());
  expect(pixelOf(picture, 0)).toEqual([130, 130, 130]);
  expect(pixelOf(picture, 1)).toEqual([...errorColours.missed]);
  expect(pixelOf(picture, 2)).toEqual([...errorColours.invented]);
  expect(pixelOf(picture, 3)).toEqual([...errorColours.confused]);
  expect(new Set(pixelOf(picture, 4)).size).toBe(1);
  expect(countErrors(truth, prediction, 0)).toEqual({
    numCounted: 4,
    numRight: 1,
    missed: 1,
    invented: 1,
    confused: 1,
  });
});

test('takes every error for a confusion where no class is the background', () => {
  expect(countErrors(row(0, 1, 2), row(1, 0, 2), null)).toMatchObject({
    missed: 0,
    invented: 0,
    confused: 2,
  });
});

test('shows an error as long as one of its classes is switched on', () => {
  const only = (...isShown: boolean[]) =>
    pixelOf(errorPicture(black(1), row(1), row(2), look({ isShown })), 0);
  expect(only(true, true, false)).toEqual([...errorColours.confused]);
  expect(only(true, false, true)).toEqual([...errorColours.confused]);
  expect(only(true, false, false)).toEqual([130, 130, 130]);
});

test('marks the pixels of a cell, or of the true class where nothing was predicted yet', () => {
  const truth = row(1, 1, 2, 255);
  expect(cellPicture(black(4), truth, row(2, 1, 2, 2), { truth: 1, prediction: 2 }).numMarked).toBe(1);
  const { numMarked, pixels } = cellPicture(black(4), truth, null, { truth: 1, prediction: 2 });
  expect(numMarked).toBe(2);
  expect(pixelOf(pixels, 0)).not.toEqual(pixelOf(pixels, 2));
});

test('refuses pictures of different sizes', () => {
  expect(() => errorPicture(black(2), row(1, 1), row(1), look())).toThrow('2 x 1 is not the size 1 x 1');
});
