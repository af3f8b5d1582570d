import { expect, test } from 'vitest';
import { countClasses, fittedSize, ignoredValue, labelMapOf, scaledSize } from './class-map.ts';

test('reads two bytes a pixel little-endian, and knows what is ignored by the type', () => {
  const map = labelMapOf(Uint8Array.of(1, 0, 0, 1, 0xff, 0xff), { width: 3, height: 1, bytesPerPixel: 2 });
  expect([...map.labels]).toEqual([1, 256, 65535]);
  expect(ignoredValue(map)).toBe(65535);
  expect(ignoredValue(labelMapOf(Uint8Array.of(7), { width: 1, height: 1, bytesPerPixel: 1 }))).toBe(255);
});

test('counts pixels by class without the ignored', () => {
  const map = labelMapOf(Uint8Array.of(0, 2, 2, 255), { width: 2, height: 2, bytesPerPixel: 1 });
  expect([...countClasses(map, 3)]).toEqual([1, 0, 2]);
});

test('refuses bytes that do not fill the map', () => {
  expect(() => labelMapOf(new Uint8Array(5), { width: 2, height: 3, bytesPerPixel: 1 })).toThrow('2 x 3');
  expect(() => labelMapOf(new Uint8Array(6), { width: 2, height: 3, bytesPerPixel: 2 })).toThrow(
    'of 2 a pixel',
  );
});

test('fits a size without enlarging it, and keeps a pixel of a strip', () => {
  expect(fittedSize({ width: 1000, height: 2 }, 100)).toEqual({ width: 100, height: 1 });
  expect(fittedSize({ width: 30, height: 20 }, 100)).toEqual({ width: 30, height: 20 });
  expect(scaledSize({ width: 30, height: 20 }, 2)).toEqual({ width: 60, height: 40 });
});
