import { expect, test } from 'vitest';
import { backgroundOf, pixelsOfRgb } from './pixels.ts';

test('refuses bytes that do not fill the picture', () => {
  expect(() => pixelsOfRgb(new Uint8Array(17), 2, 3)).toThrow('17 bytes');
});

test('makes RGBA of RGB', () => {
  expect([...pixelsOfRgb(Uint8Array.of(1, 2, 3, 4, 5, 6), 2, 1).data]).toEqual([1, 2, 3, 255, 4, 5, 6, 255]);
});

test('takes the first class for background by its name alone', () => {
  expect(backgroundOf(['background', 'cat'])).toBe(0);
  expect(backgroundOf(['Null', 'hair'])).toBe(0);
  expect(backgroundOf(['road', 'void'])).toBe(null);
  expect(backgroundOf(['nullable'])).toBe(null);
  expect(backgroundOf([])).toBe(null);
});
