import { expect, test } from 'vitest';
import { backgroundOf, classMapOf, countClasses, ignoredValue, pixelsOfRgb, rgbOf } from './class-map.ts';

test('reads two bytes a pixel little-endian, and knows what is ignored by the type', () => {
  const map = classMapOf(Uint8Array.of(1, 0, 0, 1, 0xff, 0xff), { width: 3, height: 1, bytesPerPixel: 2 });
  expect([...map.classes]).toEqual([1, 256, 65535]);
  expect(ignoredValue(map)).toBe(65535);
  expect(ignoredValue(classMapOf(Uint8Array.of(7), { width: 1, height: 1, bytesPerPixel: 1 }))).toBe(255);
});

test('refuses bytes that do not fill the picture', () => {
  expect(() => classMapOf(new Uint8Array(5), { width: 2, height: 3, bytesPerPixel: 1 })).toThrow('2 x 3');
  expect(() => classMapOf(new Uint8Array(6), { width: 2, height: 3, bytesPerPixel: 2 })).toThrow(
    'of 2 a pixel',
  );
  expect(() => pixelsOfRgb(new Uint8Array(17), 2, 3)).toThrow('17 bytes');
});

test('makes RGBA of RGB', () => {
  expect([...pixelsOfRgb(Uint8Array.of(1, 2, 3, 4, 5, 6), 2, 1).data]).toEqual([1, 2, 3, 255, 4, 5, 6, 255]);
});

test('reads colours as stylesheets write them', () => {
  expect(rgbOf('#e69f00')).toEqual([230, 159, 0]);
  expect(rgbOf('#F0a')).toEqual([255, 0, 170]);
  expect(rgbOf('rgb(1, 2, 3)')).toEqual([1, 2, 3]);
  expect(rgbOf('rgb(1 2 3)')).toEqual([1, 2, 3]);
  expect(rgbOf('tomato')).toEqual([128, 128, 128]);
});

test('takes the first class for background by its name alone', () => {
  expect(backgroundOf(['background', 'cat'])).toBe(0);
  expect(backgroundOf(['Null', 'hair'])).toBe(0);
  expect(backgroundOf(['road', 'void'])).toBe(null);
  expect(backgroundOf(['nullable'])).toBe(null);
  expect(backgroundOf([])).toBe(null);
});

test('counts pixels by class without the ignored', () => {
  const map = classMapOf(Uint8Array.of(0, 2, 2, 255), { width: 2, height: 2, bytesPerPixel: 1 });
  expect([...countClasses(map, 3)]).toEqual([1, 0, 2]);
});
