import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitSamples } from './split.ts';

const ids = Array.from({ length: 600 }, (_, i) => String(i + 1).padStart(4, '0'));

describe('the split', () => {
  it('keeps a tenth of 600 for validation', () => {
    const { training, validation } = splitSamples(ids, 0.1, 1);
    expect([training.length, validation.length]).toEqual([540, 60]);
  });

  it('covers every id once, at least one in each part, whatever order the ids come in', () => {
    const set = fc.uniqueArray(fc.string(), { minLength: 2, maxLength: 40 });
    const share = fc.double({ min: 0.001, max: 0.999, noNaN: true });
    fc.assert(
      fc.property(set, share, fc.nat(), (names, part, seed) => {
        const split = splitSamples(names, part, seed);
        expect([...split.training, ...split.validation].sort()).toEqual([...names].sort());
        expect(split.training.length).toBeGreaterThan(0);
        expect(split.validation.length).toBeGreaterThan(0);
        expect(splitSamples([...names].reverse(), part, seed)).toEqual(split);
      }),
    );
  });

  it('is another one for another seed', () => {
    expect(splitSamples(ids, 0.1, 2)).not.toEqual(splitSamples(ids, 0.1, 1));
  });

  it.each([0, 1, 1.5, -0.1, Number.NaN])('refuses a share of %s', (share) => {
    expect(() => splitSamples(ids, share, 1)).toThrow('set --validation-share between 0 and 1');
  });

  it('refuses one photo', () => {
    expect(() => splitSamples(['a'], 0.5, 1)).toThrow('One photo cannot be split');
  });
});
