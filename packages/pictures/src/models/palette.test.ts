import { describe, expect, it } from 'vitest';
import { classColour, cssColour, ignoredColour, okLab, type Rgb, rgbOf } from './palette.ts';

const distance = (a: Rgb, b: Rgb): number => {
  const [from, to] = [okLab(a), okLab(b)];
  return Math.hypot(from[0] - to[0], from[1] - to[1], from[2] - to[2]);
};

const pinned = ['#e69f00', '#56b4e9', '#bb00ff', '#ffbb55', '#44aa88'];

describe('classColour', () => {
  it('keeps the colours that runs have been shown in', () => {
    expect(cssColour(classColour(0))).toBe('#404248');
    expect(rgbOf('#404248')).toEqual(classColour(0));
    expect([1, 2, 8, 58, 255].map((classIndex) => cssColour(classColour(classIndex)))).toEqual(pinned);
    // Also when asked for in another order.
    expect(cssColour(classColour(8))).toBe(pinned[2]);
  });

  it('gives 59 classes colours that differ from each other and from white', () => {
    const colours = Array.from({ length: 59 }, (_, classIndex) => classColour(classIndex));
    colours.push(ignoredColour);
    for (const [index, colour] of colours.entries()) {
      for (const other of colours.slice(0, index)) expect(distance(colour, other)).toBeGreaterThan(0.06);
    }
  });

  it('has distinct colours for all of a byte and some colour for every class', () => {
    const colours = Array.from({ length: 256 }, (_, classIndex) => cssColour(classColour(classIndex)));
    expect(new Set(colours).size).toBe(256);
    for (const classIndex of [256, 1000, 65535]) {
      for (const value of classColour(classIndex)) expect(value >= 0 && value <= 255).toBe(true);
    }
    expect(() => classColour(65536)).toThrow('no class index');
    expect(() => classColour(-1)).toThrow('no class index');
  });
});
