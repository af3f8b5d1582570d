import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearTicks, logTicks, position, scaleAround, tickLabel } from './axes.ts';

describe('ticks', () => {
  it('are round numbers, written as people do', () => {
    expect(linearTicks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(linearTicks(0.7, 1.3, 9).map(tickLabel)).toEqual(['0.7', '0.8', '0.9', '1', '1.1', '1.2', '1.3']);
    expect(linearTicks(0, 100_000, 10).map(tickLabel).slice(0, 3)).toEqual(['0', '10k', '20k']);
    expect(logTicks(8e-6, 1.2e-3, 4).map(tickLabel)).toEqual(['1e-5', '1e-4', '1e-3']);
    expect(logTicks(0.04, 2.5, 6).map(tickLabel)).toEqual(['0.05', '0.1', '0.2', '0.5', '1', '2']);
    expect(logTicks(1e-28, 1e-3, 4).length).toBeLessThan(6);
  });

  it('lie within the scale, and are few', () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(value, fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (min, span) => {
        const ticks = linearTicks(min, min + span, 6);
        const slack = 1e-6 * Math.max(span, Math.abs(min));
        expect(ticks.every((tick) => tick >= min - slack && tick <= min + span + slack)).toBe(true);
        expect(ticks.length).toBeLessThanOrEqual(7);
      }),
    );
  });
});

describe('scales', () => {
  it('have all values inside', () => {
    for (const kind of ['linear', 'log'] as const) {
      const scale = scaleAround([0.001, 3, 0.2], kind);
      for (const value of [0.001, 3, 0.2]) {
        const at = position(scale, value);
        expect(at > 0 && at < 1).toBe(true);
      }
    }
  });

  it('cope with one value, with none, and with a rate of 0', () => {
    expect(position(scaleAround([0.5], 'linear'), 0.5)).toBeCloseTo(0.5);
    expect(scaleAround([], 'log').max).toBeGreaterThan(0);
    expect(scaleAround([0, 1], 'log').kind).toBe('linear');
    expect(Number.isFinite(position(scaleAround([0], 'linear'), 0))).toBe(true);
  });
});
