/**
 * The kernels, bit for bit, against references written with Math.fround: one rounding per operation, no vectors. Each
 * is run on the whole and on the vector cut at odd places: the law asks for the same bits.
 */

import { UserError } from '@unet-fleet/law';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { type FloatVector, NumericMemory } from './memory.ts';
import { blockSumsOfSquares, clipNormCoefficient, normBlockValues, sumBlocks } from './norm.ts';
import { add } from './vectors.ts';

const f = Math.fround;
const bitsOf = (values: Float32Array): number[] => [...new Uint32Array(values.slice().buffer)];

/** float32 of every magnitude, by their bits; finite. */
const finite = fc.float({ noNaN: true, noDefaultInfinity: true });
const vectors = (num: number) =>
  fc
    .integer({ min: 0, max: 70 })
    .chain((length) =>
      fc.tuple(
        ...Array.from({ length: num }, () =>
          fc.float32Array({ minLength: length, maxLength: length, noNaN: true, noDefaultInfinity: true }),
        ),
      ),
    );

/** Applies the kernel to the whole, and to a second copy part by part. */
function wholeAndCut(
  inputs: Float32Array[],
  cut: number,
  kernel: (parts: FloatVector[]) => void,
): Float32Array {
  const memory = new NumericMemory();
  const whole = inputs.map((values) => memory.from(values));
  const pieces = inputs.map((values) => memory.from(values));
  const length = inputs[0]!.length;
  const at = Math.min(cut, length);
  kernel(whole);
  kernel(pieces.map((vector) => vector.part(0, at)));
  kernel(pieces.map((vector) => vector.part(at, length - at)));
  expect(bitsOf(pieces[0]!.view)).toEqual(bitsOf(whole[0]!.view));
  return whole[0]!.view;
}

const cuts = fc.integer({ min: 0, max: 70 });

test('a sum has the bits of its reference, however the vector is cut', () => {
  fc.assert(
    fc.property(vectors(2), cuts, ([a, x], cut) => {
      const result = wholeAndCut([a!, x!], cut, ([p, q]) => add(p!, q!));
      expect(bitsOf(result)).toEqual(bitsOf(a!.map((value, i) => f(value + x![i]!))));
    }),
  );
});

test('the norm is finite if and only if every value is', () => {
  const memory = new NumericMemory();
  for (const length of [1, 3, 4, 5, 16, 23]) {
    const vector = memory.from(new Float32Array(length).fill(3.4e38));
    expect(sumBlocks([blockSumsOfSquares(vector)])).toBeLessThan(Number.POSITIVE_INFINITY);
    for (let i = 0; i < length; i++) {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        vector.view[i] = bad;
        expect(Number.isFinite(sumBlocks([blockSumsOfSquares(vector)]))).toBe(false);
        vector.view[i] = 1;
      }
    }
  }
});

describe('norm', () => {
  /** The documented order, by plain float64 additions. */
  function referenceBlocks(values: Float32Array): number[] {
    const blocks = [];
    for (let start = 0; start < values.length; start += 1024) {
      const p = [0, 0, 0, 0, 0, 0, 0, 0];
      values.subarray(start, start + 1024).forEach((x, i) => {
        p[i % 8]! += x * x;
      });
      blocks.push(p[0]! + p[4]! + (p[2]! + p[6]!) + (p[1]! + p[5]! + (p[3]! + p[7]!)));
    }
    return blocks;
  }

  const lengths = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1000, max: 4200 }));
  const values = lengths.chain((n) => fc.infiniteStream(finite).map((s) => Float32Array.from(s.take(n))));

  test('the blocks are added in the documented order', () => {
    fc.assert(
      fc.property(values, (x) => {
        const vector = new NumericMemory().from(x);
        expect([...blockSumsOfSquares(vector)]).toEqual(referenceBlocks(x));
      }),
      { numRuns: 50 },
    );
  });

  test('parts that begin at blocks give the sum of the whole', () => {
    const x = Float32Array.from({ length: 5 * normBlockValues + 77 }, (_, i) => Math.sin(i) * 10 ** (i % 30));
    const vector = new NumericMemory().from(x);
    const whole = sumBlocks([blockSumsOfSquares(vector)]);
    for (let cut = 0; cut <= 5; cut++) {
      const at = cut * normBlockValues;
      const parts = [vector.part(0, at), vector.part(at, vector.length - at)];
      expect(sumBlocks(parts.map(blockSumsOfSquares))).toBe(whole);
    }
  });

  test('the coefficient never enlarges', () => {
    expect(clipNormCoefficient(1, 0.5)).toBe(1);
    expect(clipNormCoefficient(1, 4)).toBeCloseTo(0.25, 6);
    expect(clipNormCoefficient(1, 0)).toBe(1);
  });
});

describe('memory', () => {
  test('vectors survive growth, are aligned, and a freed place is used again', () => {
    const memory = new NumericMemory({ initialBytes: 1 });
    const first = memory.from([1, 2, 3]);
    const second = memory.allocate(300_000);
    expect([...first.view]).toEqual([1, 2, 3]);
    expect([first.offset % 16, second.offset % 16]).toEqual([0, 0]);
    second.view.fill(7);
    memory.free(second);
    const third = memory.allocate(300_000);
    expect(third.offset).toBe(second.offset);
    expect(third.view.every((x) => x === 0)).toBe(true);
  });

  test('a shared memory gives the same bits', () => {
    const [sum] = [true, false].map((shared) => {
      const memory = new NumericMemory({ shared });
      const [a, b] = [3, 7].map((d) => memory.from(Float32Array.from({ length: 21 }, (_, i) => i / d)));
      expect(a!.view.buffer).toBeInstanceOf(shared ? SharedArrayBuffer : ArrayBuffer);
      add(a!, b!);
      return a!.view.slice();
    });
    expect(bitsOf(sum!)).toEqual(
      Array.from({ length: 21 }, (_, i) => bitsOf(Float32Array.of(f(f(i / 3) + f(i / 7))))[0]),
    );
  });

  test('lengths that differ, foreign vectors and parts outside are refused', () => {
    const memory = new NumericMemory();
    expect(() => add(memory.allocate(3), memory.allocate(4))).toThrow(RangeError);
    expect(() => add(memory.allocate(3), new NumericMemory().allocate(3))).toThrow(/two memories/);
    expect(() => memory.allocate(3).part(1, 3)).toThrow(RangeError);
  });
});

it('a memory that the system does not give is told with a remedy', () => {
  const memory = new NumericMemory();
  expect(() => memory.allocate(2 ** 30)).toThrow(UserError);
  expect(memory.allocate(4).length).toBe(4);
});
