import { expect, test } from 'vitest';
import { cellAt, gridLayout } from './grid-drawing.ts';

test('fits 7 classes with their names and 59 without on a phone', () => {
  const few = gridLayout(7, 330, 80);
  expect(few.marginPx).toBe(92);
  expect(few.sizePx).toBeLessThanOrEqual(330);
  const many = gridLayout(59, 330, 80);
  expect(many.marginPx).toBe(0);
  expect(many.sizePx).toBeCloseTo(330);
  expect(gridLayout(59, 900, 80).marginPx).toBeGreaterThan(0);
});

test('finds the cell under a point, and none in the margins', () => {
  const layout = gridLayout(4, 192, 80);
  expect(layout.cellPx).toBe(25);
  expect(cellAt(layout, 4, 92, 92)).toEqual({ row: 0, column: 0 });
  expect(cellAt(layout, 4, 191, 118)).toEqual({ row: 1, column: 3 });
  expect(cellAt(layout, 4, 40, 104)).toBe(null);
  expect(cellAt(layout, 4, 193, 104)).toBe(null);
});
