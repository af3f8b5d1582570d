import { describe, expect, it } from 'vitest';
import { naturalLogarithm, permutation, philox4x32, RandomStream } from './rng.ts';

const words = (counter: [number, number, number, number], key: [number, number]): string[] => {
  const out = new Uint32Array(4);
  philox4x32(...counter, ...key, out);
  return [...out].map((word) => word.toString(16).padStart(8, '0'));
};

describe('random numbers', () => {
  // The known answers published with Random123 (kat_vectors, philox4x32 10).
  it('are those of Philox4x32-10', () => {
    expect(words([0, 0, 0, 0], [0, 0])).toEqual(['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']);
    const ones = 0xffffffff;
    expect(words([ones, ones, ones, ones], [ones, ones])).toEqual([
      '408f276d',
      '41c83b0e',
      'a20bc7c6',
      '6d5451fd',
    ]);
    expect(words([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
      'd16cfe09',
      '94fdcceb',
      '5001e420',
      '24126ea1',
    ]);
  });

  it('belong to their key: the same again, others for another', () => {
    const draw = (...key: [number | string, ...(number | string)[]]) => {
      const stream = new RandomStream(...key);
      return Array.from({ length: 9 }, () => stream.uint32());
    };
    expect(draw(1, 'a', 2)).toEqual(draw(1, 'a', 2));
    const keys: [number | string, ...(number | string)[]][] = [
      [1, 'a', 2],
      [1, 'a', 3],
      [2, 'a', 2],
      [1, 'a2'],
      ['1', 'a', 2],
    ];
    expect(new Set(keys.map((key) => draw(...key).join())).size).toBe(keys.length);
  });

  it('are uniform: ten thousand draws fill ten bins evenly', () => {
    const stream = new RandomStream(7, 'bins');
    const bins = new Array(10).fill(0);
    for (let i = 0; i < 10_000; i++) bins[stream.below(10)]++;
    for (const bin of bins) expect(Math.abs(bin - 1_000)).toBeLessThan(120);
    for (let i = 0; i < 1_000; i++) {
      const value = stream.uniform();
      expect(value).toBe(Math.fround(value));
      expect(value).toBeLessThan(1);
    }
  });

  it('permute every index once, and differently for each epoch', () => {
    const first = permutation(1_000, 5, 'epoch', 0);
    expect([...first].sort((a, b) => a - b)).toEqual([...Array(1_000).keys()]);
    expect(permutation(1_000, 5, 'epoch', 0)).toEqual(first);
    expect(permutation(1_000, 5, 'epoch', 1)).not.toEqual(first);
    expect(permutation(0, 1)).toHaveLength(0);
  });

  it('from a normal distribution have its moments', () => {
    const stream = new RandomStream(1, 'normal');
    const values = Float64Array.from({ length: 20_000 }, () => stream.normal());
    const moment = (power: number) => values.reduce((sum, x) => sum + x ** power, 0) / values.length;
    for (const [index, expected] of [0, 1, 0, 3].entries()) {
      expect(Math.abs(moment(index + 1) - expected)).toBeLessThan(0.1);
    }
  });

  it('need a logarithm that is the same everywhere', () => {
    for (const x of [2 ** -46, 1e-9, 0.1, 0.5, Math.SQRT1_2, 0.999_999, 1, 1.5, 3e5]) {
      expect(Math.abs(naturalLogarithm(x) - Math.log(x))).toBeLessThanOrEqual(
        4e-16 * Math.max(1, Math.abs(Math.log(x))),
      );
    }
  });
});
