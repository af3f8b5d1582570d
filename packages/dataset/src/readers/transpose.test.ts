/** Columns become rows whatever the size: whole blocks of four by four, and what is left at both edges. */
import { expect, it } from 'vitest';
import { rowsOfColumns } from './transpose.ts';

it('has each pixel where its row and column say, also at the edges and in a part of a buffer', () => {
  for (let width = 1; width <= 13; width++) {
    for (let height = 1; height <= 13; height++) {
      const buffer = new Uint8Array(width * height + 5).fill(255);
      const values = buffer.subarray(3, 3 + width * height);
      for (let i = 0; i < values.length; i++) values[i] = (i * 151 + 130) & 255;
      const rows = rowsOfColumns(values, width, height);
      const expected = Uint8Array.from(
        { length: values.length },
        (_, i) => values[(i % width) * height + Math.floor(i / width)] as number,
      );
      expect(rows, `${width}x${height}`).toEqual(expected);
    }
  }
});

it('refuses a size that the values do not have', () => {
  expect(() => rowsOfColumns(new Uint8Array(12), 4, 4)).toThrow('12 values for 4 x 4 pixels');
});
