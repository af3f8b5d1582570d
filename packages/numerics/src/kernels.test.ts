/**
 * The kernels, bit for bit, against references written with Math.fround: one rounding per operation, no vectors. Each
 * is run on the whole and on the vector cut at odd places: the law asks for the same bits.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FloatVector, NumericMemory } from './memory.ts';
import { blockSumsOfSquares, clipNormCoefficient, normBlockValues, sumBlocks } from './norm.ts';
import { add, anyNonFinite, clipByValue, copy, fromBf16, scale, toBf16 } from './vectors.ts';

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

describe('elementwise kernels have the bits of their references, however the vector is cut', () => {
  test('add', () => {
    fc.assert(
      fc.property(vectors(2), cuts, ([a, x], cut) => {
        const result = wholeAndCut([a!, x!], cut, ([p, q]) => add(p!, q!));
        expect(bitsOf(result)).toEqual(bitsOf(a!.map((value, i) => f(value + x![i]!))));
      }),
    );
  });

  test('scale', () => {
    fc.assert(
      fc.property(vectors(1), finite, cuts, ([a], factor, cut) => {
        const result = wholeAndCut([a!], cut, ([p]) => scale(p!, factor));
        expect(bitsOf(result)).toEqual(bitsOf(a!.map((value) => f(value * factor))));
      }),
    );
  });

  test('clip by value', () => {
    fc.assert(
      fc.property(
        vectors(1),
        fc.float({ min: 0, noNaN: true, noDefaultInfinity: true }),
        cuts,
        ([a], limit, cut) => {
          const result = wholeAndCut([a!], cut, ([p]) => clipByValue(p!, limit));
          expect([...result]).toEqual([...a!].map((x) => Math.max(Math.min(x, limit), -limit)));
        },
      ),
    );
  });
});

test('clipping cuts infinities and keeps NaN', () => {
  const vector = new NumericMemory().from([
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
    0.05,
    -3,
  ]);
  clipByValue(vector, 0.5);
  expect([...vector.view]).toEqual([0.5, -0.5, Number.NaN, f(0.05), -0.5]);
});

test('one value that is not finite is found wherever it is', () => {
  const memory = new NumericMemory();
  for (const length of [1, 3, 4, 5, 16, 23]) {
    const vector = memory.from(new Float32Array(length).fill(3.4e38));
    expect(anyNonFinite(vector)).toBe(false);
    for (let i = 0; i < length; i++) {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        vector.view[i] = bad;
        expect(anyNonFinite(vector)).toBe(true);
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

describe('bfloat16', () => {
  /** Round to nearest, ties to even, by comparing with both neighbours. */
  function referenceBf16(x: number): number {
    if (Number.isNaN(x)) return 0x7fc0;
    const bits = new Uint32Array(Float32Array.of(x).buffer)[0]!;
    const low = bits & 0xffff;
    const high = bits >>> 16;
    if (low > 0x8000 || (low === 0x8000 && high % 2 === 1)) return high + 1;
    return high;
  }
  const convert = (values: Float32Array): { bits: number[]; back: Float32Array } => {
    const memory = new NumericMemory();
    const source = memory.from(values);
    const target = memory.allocateBf16(values.length);
    toBf16(source, target);
    const back = memory.allocate(values.length);
    fromBf16(target, back);
    return { bits: [...target.view], back: back.view };
  };

  test('rounds to nearest even', () => {
    const special = [0, -0, 1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4028234e38, -3.4028234e38, 1e-45, Number.NaN];
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 40 }), (random) => {
        const values = Float32Array.from([...special, Number.POSITIVE_INFINITY, ...random]);
        const { bits, back } = convert(values);
        expect(bits).toEqual([...values].map(referenceBf16));
        const expected = new Float32Array(Uint32Array.from(bits, (b) => b << 16).buffer);
        expect([...back]).toEqual([...expected]);
      }),
    );
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

  test('a shared memory has the same bits, and who attaches sees and changes the same values', () => {
    const memory = new NumericMemory({ shared: true });
    const vector = memory.from(Float32Array.from({ length: 21 }, (_, i) => i / 3));
    expect(vector.view.buffer).toBeInstanceOf(SharedArrayBuffer);
    const attached = NumericMemory.attach(memory.wasmMemory);
    const same = new FloatVector(attached, vector.offset, vector.length);
    scale(same, 3);
    expect([...vector.view]).toEqual(Array.from({ length: 21 }, (_, i) => f(f(i / 3) * 3)));
    expect(() => attached.allocate(1)).toThrow(/only the thread that created/);
  });

  test('lengths that differ, foreign vectors and parts outside are refused', () => {
    const memory = new NumericMemory();
    expect(() => add(memory.allocate(3), memory.allocate(4))).toThrow(RangeError);
    expect(() => add(memory.allocate(3), new NumericMemory().allocate(3))).toThrow(/two memories/);
    expect(() => memory.allocate(3).part(1, 3)).toThrow(RangeError);
    const other = new NumericMemory().allocate(3);
    copy(other, memory.from([1, 2, 3]));
    expect([...other.view]).toEqual([1, 2, 3]);
  });
});
