import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Point } from '../protocol.ts';
import { thin } from './thin.ts';

describe('thinned curves', () => {
  const points = fc
    .array(fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })), { maxLength: 500 })
    .map((values) => values.map((value, n): Point => [n, value]));

  test('keep their ends, their extremes and their order', () => {
    fc.assert(
      fc.property(points, fc.integer({ min: 4, max: 100 }), (all, maxPoints) => {
        const kept = thin(all, maxPoints);
        expect(kept.length).toBeLessThanOrEqual(Math.max(maxPoints, 4));
        expect(kept.map(([n]) => n)).toEqual([...new Set(kept.map(([n]) => n))].sort((a, b) => a - b));
        if (all.length === 0) return;
        expect([kept[0], kept.at(-1)]).toEqual([all[0], all.at(-1)]);
        const values = (of: Point[]) => of.flatMap(([, value]) => value ?? []);
        if (values(all).length === 0) return;
        expect(Math.max(...values(kept))).toBe(Math.max(...values(all)));
        expect(Math.min(...values(kept))).toBe(Math.min(...values(all)));
      }),
    );
  });
});
