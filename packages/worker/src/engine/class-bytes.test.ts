import { expect, it } from 'vitest';
import { classBytes } from './class-bytes.ts';

it('takes one byte a pixel up to 256 classes and two, the lower first, beyond', () => {
  const classes = [0, 1, 255, 7];
  expect([...classBytes(classes, 1, 2, 256)]).toEqual([1, 255]);
  expect([...classBytes([9, 258, 65_535], 1, 2, 65_536)]).toEqual([2, 1, 255, 255]);
});
