/** What vectors are folded to, beside the same in whole numbers of any size. */
import { expect, test } from 'vitest';
import { Fold, foldKeyBytes } from './fold.ts';
import { NumericMemory } from './memory.ts';

const words = (bytes: Uint8Array): bigint[] =>
  Array.from(new Uint32Array(bytes.slice().buffer), (word) => BigInt(word));
const mod32 = (value: bigint) => BigInt.asUintN(32, value);

/** Two sums for each block of 1024 words, the second with the key four words further on. */
function folded(values: bigint[], key: bigint[]): bigint[] {
  const sums: bigint[] = [];
  for (let block = 0; block < values.length; block += 1024) {
    for (const shift of [0, 4]) {
      let sum = 0n;
      for (let i = 0; i < 1024 && block + i < values.length; i++) {
        if (i % 8 >= 4) continue;
        const one = mod32(values[block + i]! + key[i + shift]!);
        sum += one * mod32((values[block + i + 4] ?? 0n) + key[i + 4 + shift]!);
      }
      // Words of the group that are missing count as zeros, also where the first of a pair is.
      const end = Math.min(1024, values.length - block);
      for (let i = end; i % 8 !== 0; i++) {
        if (i % 8 < 4) sum += key[i + shift]! * mod32(key[i + 4 + shift]!);
      }
      sums.push(BigInt.asUintN(64, sum));
    }
  }
  return sums;
}

/** Bits of every kind, from a generator of its own. */
function bits(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

test.each([1, 3, 4, 5, 8, 9, 1_000, 1_023, 1_024, 1_025, 3_077])(
  '%i values are folded as in whole numbers, in private and in shared memory',
  (length) => {
    const key = bits(foldKeyBytes, 7);
    const bytes = bits(length * 4, length);
    for (const shared of [false, true]) {
      const memory = new NumericMemory({ shared });
      const fold = new Fold(memory);
      fold.key = key;
      const vector = memory.allocate(length);
      new Uint8Array(memory.buffer, vector.offset, length * 4).set(bytes);
      const sums = fold.of(vector);
      expect(Array.from(new BigUint64Array(sums.buffer))).toEqual(folded(words(bytes), words(key)));
      // It is read, and nothing else.
      expect(new Uint8Array(memory.buffer, vector.offset, length * 4)).toEqual(bytes);
    }
  },
);

test('vectors of another memory and keys of another length are refused', () => {
  const fold = new Fold(new NumericMemory());
  expect(() => fold.of(new NumericMemory().allocate(4))).toThrow('another memory');
  expect(() => {
    fold.key = new Uint8Array(16);
  }).toThrow('a key of 16 bytes');
});
