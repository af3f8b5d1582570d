import { describe, expect, it } from 'vitest';
import { fillDropoutMask } from './dropout-mask.ts';

const numValues = 100_000;
const place = { seed: 7, version: 3, firstImage: 0 };
const node = { name: 'down4.dropout', rate: 0.3 };

const maskOf = (of: Partial<typeof place & typeof node> = {}, numImages = 1): Float32Array => {
  const mask = new Float32Array(numImages * numValues);
  fillDropoutMask(mask, { ...node, ...of }, { ...place, ...of }, numImages);
  return mask;
};
/** Not toEqual, which would print them. */
const isSame = (a: Float32Array, b: Float32Array) => a.length === b.length && a.every((x, i) => x === b[i]);
const shareOf = (values: Float32Array, isCounted: (value: number, i: number) => boolean) =>
  values.filter(isCounted).length / values.length;

describe('the mask of a dropout', () => {
  it.each([0.1, 0.5, 0.9])('drops a share of %f, and keeps the mean', (rate) => {
    const mask = maskOf({ rate });
    expect(new Set(mask)).toEqual(new Set([0, Math.fround(1 / (1 - rate))]));
    // Five standard deviations.
    const bound = 5 * Math.sqrt((rate * (1 - rate)) / numValues);
    expect(Math.abs(shareOf(mask, (value) => value === 0) - rate)).toBeLessThan(bound);
    const mean = mask.reduce((sum, value) => sum + value, 0) / numValues;
    expect(Math.abs(mean - 1)).toBeLessThan(bound / (1 - rate));
    const variance = mask.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numValues;
    expect(variance / (rate / (1 - rate))).toBeCloseTo(1, 1);
  });

  it('is the same again, and independent for another seed, version, photo and node', () => {
    const mask = maskOf();
    expect(isSame(maskOf(), mask)).toBe(true);
    const others = [{ seed: 8 }, { version: 4 }, { firstImage: 1 }, { name: 'down3.dropout' }];
    for (const other of others) {
      const otherMask = maskOf(other);
      const both = shareOf(mask, (value, i) => value === 0 && otherMask[i] === 0);
      expect(Math.abs(both - 0.09), JSON.stringify(other)).toBeLessThan(5 * Math.sqrt(0.09 / numValues));
    }
  });

  it('of a photo does not depend on the leaf that it is in', () => {
    const alone = [0, 1, 2].map((firstImage) => maskOf({ firstImage }));
    const together = maskOf({}, 3);
    for (const [i, mask] of alone.entries()) {
      expect(isSame(together.subarray(i * numValues, (i + 1) * numValues), mask)).toBe(true);
    }
    expect(isSame(maskOf({ firstImage: 1 }, 2).subarray(numValues), alone[2]!)).toBe(true);
  });
});
