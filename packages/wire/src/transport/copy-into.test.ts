import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copyInto } from './copy-into.ts';

const place = fc.integer({ min: 0, max: 20 });

test.each([ArrayBuffer, SharedArrayBuffer])(
  'bytes arrive as they are, and nothing beside them changes: %o',
  (Memory) => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 7, 8, 300, 32_760, 32_768, 32_769, 100_003),
        place,
        place,
        place,
        (numBytes, from, offset, at) => {
          const source = Uint8Array.from({ length: from + numBytes }, (_, i) => (i * 31 + (i >> 8)) & 255);
          const bytes = source.subarray(from);
          const room = new Uint8Array(new Memory(offset + at + numBytes + 9)).subarray(offset).fill(7);
          const expected = new Uint8Array(room.length).fill(7);
          expected.set(bytes, at);
          copyInto(room, at, bytes);
          expect(Buffer.compare(room, expected)).toBe(0);
        },
      ),
    );
  },
);

test('what does not fit is refused', () => {
  const target = new Uint8Array(new SharedArrayBuffer(16));
  expect(() => copyInto(target, 9, new Uint8Array(8))).toThrow(RangeError);
});
