import { describe, expect, it } from 'vitest';
import { sine } from './sine.ts';

describe('sine', () => {
  /** From a table of 60 digits (mpmath), rounded to double. */
  it.each([
    [0, 0],
    [0.5, 0.479425538604203],
    [Math.PI / 4, 0.7071067811865475],
    [1, 0.8414709848078965],
    [Math.PI / 2, 1],
    [2, 0.9092974268256817],
    [Math.PI, 1.2246467991473532e-16],
    [-Math.PI, -1.2246467991473532e-16],
    [4, -0.7568024953079282],
    [2 * Math.PI, -2.4492935982947064e-16],
    [9, 0.4121184852417566],
  ])('of %d is %d, to the last bit', (x, value) => {
    expect(sine(x)).toBe(value);
  });

  it('is within a unit in the last place of this engine, over all that a filter asks for', () => {
    for (let i = -20_000; i <= 20_000; i++) {
      const x = (i * 3 * Math.PI) / 20_000;
      expect(Math.abs(sine(x) - Math.sin(x))).toBeLessThanOrEqual(2 ** -53);
    }
  });
});
