import fc from 'fast-check';
import { expect, test } from 'vitest';
import { binEdges, histogramOf, mergeHistograms } from './value-histogram.ts';

const value = fc.float({ noNaN: true, noDefaultInfinity: true });

test('every value lies in its bin, and bins reach from edge to edge without gaps', () => {
  fc.assert(
    fc.property(value, (x) => {
      const { bins, counts } = histogramOf(Float32Array.of(x));
      expect(counts).toEqual([1]);
      const { inner, outer } = binEdges(bins[0]!);
      expect(Math.abs(x)).toBeGreaterThanOrEqual(Math.abs(inner));
      expect(Math.abs(x)).toBeLessThan(Math.abs(outer));
      expect(Math.sign(outer)).toBe(Object.is(x, -0) ? -1 : Math.sign(x) || 1);
    }),
  );
  for (let bin = 0; bin < 1_019; bin++) expect(binEdges(bin).outer).toBe(binEdges(bin + 1).inner);
});

test('the histogram of all values is the merged one of any parts', () => {
  fc.assert(
    fc.property(
      fc.array(value, { maxLength: 60 }),
      fc.array(fc.nat(60), { maxLength: 4 }),
      (values, cuts) => {
        const all = Float32Array.from(values);
        const ends = [...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length];
        const parts = ends.map((end, i) => histogramOf(all.slice(ends[i - 1] ?? 0, end)));
        const { sum, sumOfSquares, ...merged } = mergeHistograms(parts);
        const { sum: wholeSum, sumOfSquares: wholeSquares, ...whole } = histogramOf(all);
        expect(merged).toEqual(whole);
        expect(sum).toBeCloseTo(wholeSum, -Math.log10(1e-9 * Math.abs(wholeSum) + 1e-9));
        expect(sumOfSquares / (wholeSquares || 1)).toBeCloseTo(wholeSquares === 0 ? 0 : 1, 9);
      },
    ),
  );
});

test('what is not finite is not counted', () => {
  const values = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1.5);
  const { bins, counts, min, max, sum } = histogramOf(values);
  expect(bins.map(binEdges)).toEqual([{ inner: 1.5, outer: 1.75 }]);
  expect({ counts, min, max, sum }).toEqual({ counts: [1], min: 1.5, max: 1.5, sum: 1.5 });
});
