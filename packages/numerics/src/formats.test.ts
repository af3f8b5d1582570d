/**
 * The formats that lose bits, bit for bit, against references of one rounding at a time in plain JavaScript. Each kernel is
 * run on odd lengths and in place; packing and unpacking have to give what rounding gives, and rounding twice what it gives
 * once.
 */
import { int8BlockValues, packedBytes, type ValueFormat } from '@unet-fleet/law';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { largestBf16, plainlyRounded } from '../../../test/helpers/plain-formats.ts';
import { pack, packedLength, packedPlace, roundValues, unpack } from './formats.ts';
import { NumericMemory } from './memory.ts';
import { combineNodes, roundLeaf } from './nodes.ts';
import { blockSumsOfSquares, sumBlocks } from './norm.ts';
import { add } from './vectors.ts';

const f = Math.fround;
const bitsOf = (values: ArrayLike<number>): number[] => [
  ...new Uint32Array(Float32Array.from(values).buffer),
];

const largestFloat = 2 ** 127 * (2 - 2 ** -23);
const special = [
  ...[0, -0, 1, -1, 127, 127.5, 128, 63.5, 64.5, 2 ** -149, -(2 ** -149), 2 ** -126, 2 ** -127, 2 ** -133],
  ...[2 ** -134, 3 * 2 ** -134, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -23, 1 + 2 ** -8 - 2 ** -23],
  ...[largestBf16, largestBf16 + 2 ** 119, largestFloat, -largestFloat, 1e-40],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
].map(f);
const finite = fc.float({ noNaN: true, noDefaultInfinity: true });
/** All of one magnitude, so that more than a few of a block are not zero in int8. */
const near = fc
  .tuple(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -255, max: 255 }))
  .map(([exponent, halves]) => f((halves / 2) * 2 ** exponent));
const value = fc.oneof(finite, near, fc.constantFrom(...special.filter(Number.isFinite)));
const lengths = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(127, 128, 129, 255, 256, 290));
const vectors = (of: fc.Arbitrary<number>) =>
  lengths.chain((length) => fc.array(of, { minLength: length, maxLength: length }));

const run = (values: number[], work: (vector: ReturnType<NumericMemory['from']>) => void): number[] => {
  const vector = new NumericMemory().from(values);
  work(vector);
  return [...vector.view];
};

const lossy = ['bf16', 'int8'] as const;
describe.each(lossy)('%s', (format) => {
  const expectSame = (a: number[], b: number[]) => expect(bitsOf(a)).toEqual(bitsOf(b));

  test('rounds as its reference, and rounding again changes nothing', () => {
    fc.assert(
      fc.property(fc.oneof(vectors(value), vectors(near)), (values) => {
        const rounded = run(values, (vector) => roundLeaf(vector, format));
        expectSame(rounded, plainlyRounded(values, format));
        expectSame(
          run(rounded, (vector) => roundLeaf(vector, format)),
          rounded,
        );
      }),
      { numRuns: 400 },
    );
  });

  test.each(special)('rounds %d alone and among others', (x) => {
    for (const others of [[], [1], [1e-42, 1, -3], new Array(300).fill(1e-3)]) {
      const values = [x, ...others].map(f);
      expectSame(
        run(values, (vector) => roundLeaf(vector, format)),
        plainlyRounded(values, format),
      );
    }
  });

  test('what is packed and unpacked, in place or elsewhere, is what rounding gives', () => {
    const any = fc.oneof({ weight: 30, arbitrary: value }, fc.constantFrom(...special));
    fc.assert(
      fc.property(fc.oneof(vectors(any), vectors(near)), (values) => {
        const memory = new NumericMemory();
        const here = memory.from(values);
        const there = memory.allocate(packedLength(format, values.length));
        const elsewhere = pack(here, format, there).slice();
        expectSame([...here.view], values);
        const inPlace = pack(here, format);
        expect(inPlace).toEqual(elsewhere);
        expect(inPlace.byteLength).toBe(packedBytes(format, values.length));
        const arrived = memory.allocate(values.length);
        arrived.view.fill(7);
        packedPlace(arrived, format).set(inPlace);
        unpack(arrived, format);
        expectSame([...arrived.view], plainlyRounded(values, format));
      }),
      { numRuns: 400 },
    );
  });

  test('a sum is rounded once, whichever side it is left in', () => {
    fc.assert(
      fc.property(fc.oneof(vectors(value), vectors(near)), (values) => {
        const others = values.toReversed();
        const memory = new NumericMemory();
        const [a, b] = [memory.from(values), memory.from(others)];
        const sums = values.map((x, i) => f(x + others[i]!));
        const expected = plainlyRounded(sums, format);
        const other = memory.from(values);
        combineNodes(a, b, format);
        expectSame([...a.view], expected);
        combineNodes(b, other, format);
        expectSame([...b.view], expected);
      }),
      { numRuns: 200 },
    );
  });

  test('a value that is not finite, or rounds beyond the format, leaves no finite norm', () => {
    const beyond = format === 'bf16' ? [largestFloat, -largestFloat] : [];
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, ...beyond]) {
      for (const at of [0, 5, 299]) {
        const vector = new NumericMemory().from(new Float32Array(300).fill(1));
        vector.view[at] = bad;
        const hasFiniteNorm = () => sumBlocks([blockSumsOfSquares(vector)]) < Number.POSITIVE_INFINITY;
        roundLeaf(vector, format);
        expect(hasFiniteNorm()).toBe(false);
        pack(vector, format);
        unpack(vector, format);
        expect(hasFiniteNorm()).toBe(false);
      }
    }
  });

  test('a shared memory gives the same bits', () => {
    const values = Float32Array.from({ length: 530 }, (_, i) => Math.sin(i) * 2 ** (i % 9));
    const [priv, shared] = [false, true].map((shared) => {
      const vector = new NumericMemory({ shared }).from(values);
      roundValues(vector, format);
      return vector.view.slice();
    });
    expectSame([...priv!], [...shared!]);
  });
});

test('the errors are as documented: 2^-8 of the value, and 1/253 of the largest of its block', () => {
  fc.assert(
    fc.property(vectors(fc.float({ min: -1, max: 1, noNaN: true })), (values) => {
      const bf16 = run(values, (vector) => roundLeaf(vector, 'bf16'));
      values.forEach((x, i) => {
        if (Math.abs(x) >= 2 ** -126)
          expect(Math.abs(bf16[i]! - x)).toBeLessThanOrEqual((2 ** -8 * Math.abs(x)) / (1 + 2 ** -8));
      });
      const int8 = run(values, (vector) => roundLeaf(vector, 'int8'));
      values.forEach((x, i) => {
        const first = i - (i % int8BlockValues);
        const largest = Math.max(...values.slice(first, first + int8BlockValues).map(Math.abs));
        if (largest >= 2 ** -118) expect(Math.abs(int8[i]! - x)).toBeLessThanOrEqual(largest / 253);
      });
    }),
  );
});

test('bytes of a bucket: four, two, and one and the step of a block', () => {
  expect(['float32', 'bf16', 'int8'].map((format) => packedBytes(format as ValueFormat, 2 ** 20))).toEqual([
    2 ** 22,
    2 ** 21,
    2 ** 20 + 2 ** 14,
  ]);
  expect([0, 1, 128, 129].map((length) => packedBytes('int8', length))).toEqual([0, 3, 130, 133]);
});

test('float32 is neither rounded nor copied', () => {
  const memory = new NumericMemory();
  const values = memory.from(special);
  roundLeaf(values, 'float32');
  const bytes = pack(values, 'float32', memory.allocate(0));
  expect([bytes.buffer, bytes.byteOffset]).toEqual([values.view.buffer, values.offset]);
  unpack(values, 'float32');
  expect(bitsOf(values.view)).toEqual(bitsOf(special));
});

test('lengths that differ, foreign vectors and a place that is too small are refused', () => {
  const memory = new NumericMemory();
  for (const format of lossy) {
    expect(() => add(memory.allocate(3), memory.allocate(4), format)).toThrow(RangeError);
    expect(() => add(memory.allocate(3), new NumericMemory().allocate(3), format)).toThrow(/two memories/);
    expect(() => pack(memory.allocate(64), format, memory.allocate(8))).toThrow(RangeError);
  }
});
