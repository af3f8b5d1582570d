/** The checksum against the reference implementation's own values, and against damage of the smallest kind. */
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Checksum, checksumOf } from './checksum.ts';
import { NumericMemory, secretPlace } from './memory.ts';

const pieceBytes = 64 * 1024;

/** Bytes of a simple generator, the same in the script that gave the reference values. */
function drawn(numBytes: number): Uint8Array {
  let state = 1n;
  return Uint8Array.from({ length: numBytes }, () => {
    state = (state * 1_103_515_245n + 12_345n) & 0x7fffffffn;
    return Number((state >> 16n) & 255n);
  });
}

/** The same bytes within a memory of the kernels, from this place in a vector on. */
function inMemory(bytes: Uint8Array, shift: number, shared: boolean): Uint8Array {
  const vector = new NumericMemory({ shared }).allocate(Math.ceil((bytes.length + shift) / 4));
  const place = new Uint8Array(vector.view.buffer, vector.offset + shift, bytes.length);
  place.set(bytes);
  return place;
}

/** Lower 32 bits of XXH3_64bits of the first bytes, by xxhash 4.1.0 for Python. */
const reference = new Map([
  [241, 2_303_515_006],
  [256, 1_737_320_071],
  [1_024, 772_820_648],
  [1_025, 930_978_082],
  [1_089, 2_285_838_947],
  [4_096, 1_526_297_457],
  [65_535, 2_304_264_000],
  [65_536, 3_600_718_983],
]);

test.each([...reference])('the kernel gives XXH3 of %i bytes', (numBytes, expected) => {
  const memory = new NumericMemory();
  const vector = memory.allocate(Math.ceil(numBytes / 4));
  new Uint8Array(memory.buffer, vector.offset, numBytes).set(drawn(numBytes));
  expect(memory.kernels.checksum(vector.offset, numBytes, secretPlace) >>> 0).toBe(expected);
});

test.each([0, 1, 240, 241, 5_000, pieceBytes, pieceBytes + 7, 3 * pieceBytes + 300])(
  '%i bytes have the same wherever they lie and however they come',
  (numBytes) => {
    const bytes = drawn(numBytes);
    const expected = checksumOf(bytes);
    for (const shared of [false, true]) {
      for (const shift of [0, 3]) expect(checksumOf(inMemory(bytes, shift, shared))).toBe(expected);
    }
    const lengths = fc.array(fc.integer({ min: 0, max: 2 * pieceBytes }), { maxLength: 12 });
    fc.assert(
      fc.property(lengths, (parts) => {
        const into = inMemory(new Uint8Array(numBytes), 0, true);
        const sum = new Checksum(into);
        let there = 0;
        for (const part of [...parts, numBytes]) {
          const end = Math.min(numBytes, there + part);
          into.set(bytes.subarray(there, end), there);
          there = end;
          sum.reach(there);
        }
        expect(sum.value()).toBe(expected);
      }),
      { numRuns: 20 },
    );
  },
);

test('it is a CRC of the sums of the pieces', () => {
  const bytes = drawn(pieceBytes + 240);
  const sums = Uint32Array.of(reference.get(pieceBytes)!, crc32(bytes.subarray(pieceBytes)));
  expect(checksumOf(bytes)).toBe(crc32(sums));
});

test('any bit that is changed, two that are, and values that changed places are noticed', () => {
  const bytes = inMemory(drawn(2 * pieceBytes + 500), 0, true);
  const expected = checksumOf(bytes);
  const bit = fc.integer({ min: 0, max: bytes.length * 8 - 1 });
  const flip = (at: number) => {
    bytes[at >> 3]! ^= 1 << (at & 7);
  };
  fc.assert(
    fc.property(fc.uniqueArray(bit, { minLength: 1, maxLength: 2 }), (bits) => {
      for (const at of bits) flip(at);
      expect(checksumOf(bytes)).not.toBe(expected);
      for (const at of bits) flip(at);
    }),
  );
  const swapped = bytes.slice();
  swapped.set(bytes.subarray(pieceBytes, 2 * pieceBytes), 0);
  swapped.set(bytes.subarray(0, pieceBytes), pieceBytes);
  expect(checksumOf(swapped)).not.toBe(expected);
});

test('what a memory gave before it grew is still known as its own', () => {
  const memory = new NumericMemory({ shared: true });
  const vector = memory.from(new Float32Array(drawn(4_096).buffer));
  const place = new Uint8Array(memory.buffer, vector.offset, 4_096);
  memory.allocate(1e6);
  expect(checksumOf(place)).toBe(checksumOf(drawn(4_096)));
});
