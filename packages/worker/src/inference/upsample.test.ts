import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { voteResize } from './upsample.ts';

const size = (width: number, height: number) => ({ width, height });

describe('voteResize', () => {
  it('keeps a map of the same size', () => {
    const labels = Uint16Array.of(1, 2, 3, 4);
    expect(voteResize(labels, size(2, 2), size(2, 2))).toBe(labels);
  });

  it('puts a straight edge in the middle between two predictions', () => {
    const out = voteResize(Uint16Array.of(5, 9), size(2, 1), size(8, 1));
    expect(Array.from(out)).toEqual([5, 5, 5, 5, 9, 9, 9, 9]);
  });

  it('cuts corners where nearest neighbour would leave blocks', () => {
    // Three of the four predictions are 1: at the very centre, where all weigh alike, 1 has three quarters.
    const out = voteResize(Uint16Array.of(0, 1, 1, 1), size(2, 2), size(5, 5));
    expect(out[2 * 5 + 2]).toBe(1);
    // Just within the quarter of class 0, the three others together still outweigh it.
    expect(out[0]).toBe(0);
    const fine = voteResize(Uint16Array.of(0, 1, 1, 1), size(2, 2), size(100, 100));
    expect(fine[48 * 100 + 48]).toBe(1);
    expect(fine[20 * 100 + 20]).toBe(0);
  });

  it('gives ties to the lower class, whichever side it is on', () => {
    expect(voteResize(Uint16Array.of(7, 3), size(2, 1), size(3, 1))[1]).toBe(3);
    expect(voteResize(Uint16Array.of(3, 7), size(2, 1), size(3, 1))[1]).toBe(3);
  });

  it('never invents a class, up or down, and keeps a uniform map uniform', () => {
    const side = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(side, side, side, side, fc.nat(), (w, h, width, height, seed) => {
        const labels = Uint16Array.from({ length: w * h }, (_, i) => ((i + 1) * (seed + 7)) % 5);
        const out = voteResize(labels, size(w, h), size(width, height));
        expect(out.length).toBe(width * height);
        const known = new Set(labels);
        expect(out.every((label) => known.has(label))).toBe(true);
        const uniform = voteResize(new Uint16Array(w * h).fill(3), size(w, h), size(width, height));
        expect(uniform.every((label) => label === 3)).toBe(true);
      }),
    );
  });
});
