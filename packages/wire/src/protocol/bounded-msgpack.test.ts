import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { isBoundedMsgpack, maxMessageBytes } from './bounded-msgpack.ts';
import { decode, encode, upMessage } from './messages.ts';

const packr = new Packr({ useRecords: false, int64AsType: 'number' });
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 6 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double(),
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 40 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 40 }),
  ),
})).value;

/** Nests so many arrays of one. */
const nested = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.of(0xc0)]);

describe('the bounds of a message', () => {
  it('let every value pass that our messages can hold', () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(isBoundedMsgpack(packr.pack(value))).toBe(true);
      }),
    );
    const long = { type: 'x'.repeat(70_000), list: Array.from({ length: 70_000 }, (_, i) => i) };
    expect(isBoundedMsgpack(packr.pack(long))).toBe(true);
  });

  it('refuse whatever is cut short or has more behind it', () => {
    fc.assert(
      fc.property(plain, fc.nat(), (value, position) => {
        const bytes = packr.pack(value);
        expect(isBoundedMsgpack(bytes.subarray(0, position % bytes.length))).toBe(false);
        expect(isBoundedMsgpack(Buffer.concat([bytes, Buffer.of(0)]))).toBe(false);
      }),
    );
  });

  it.each([
    ['an array of 4 billion', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['an array of 30 million', [0xdd, 0x01, 0xc9, 0xc3, 0x80]],
    ['a map of 4 billion', [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ['a string of 4 GB', [0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ['bytes of 4 GB', [0xc6, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ['an extension', [0xc9, 0xff, 0xff, 0xff, 0xff, 0x00]],
    ['a small extension', [0xd4, 0x72, 0x40]],
    ['the type that there is none of', [0xc1]],
    ['a length that is cut short', [0xdd, 0x00]],
    ['nothing', []],
  ])('refuse %s', (_, bytes) => {
    expect(isBoundedMsgpack(Uint8Array.from(bytes))).toBe(false);
    expect(decode(upMessage, Uint8Array.from(bytes))).toBe(null);
  });

  it('refuse deep nesting and what is too long, and take what is just within', () => {
    expect(isBoundedMsgpack(nested(15))).toBe(true);
    expect(isBoundedMsgpack(nested(16))).toBe(false);
    expect(isBoundedMsgpack(nested(1_000_000))).toBe(false);
    const text = (numBytes: number) => packr.pack('x'.repeat(numBytes - 5));
    expect(isBoundedMsgpack(text(maxMessageBytes))).toBe(true);
    expect(isBoundedMsgpack(text(maxMessageBytes + 1))).toBe(false);
  });

  it('refuse record definitions, from which the decoder would compile functions', () => {
    const message = { type: 'heartbeat', term: 1, sequence: 2, leaseId: 7, isComputing: false };
    const withRecords = new Packr({ useRecords: true, structures: [] });
    const bytes = new Packr({ useRecords: true }).pack(message);
    expect(withRecords.unpack(bytes)).toEqual(message);
    expect(isBoundedMsgpack(bytes)).toBe(false);
    expect(decode(upMessage, bytes)).toBe(null);
  });

  it('let our own messages through', () => {
    const message = { type: 'heartbeat', term: 1, sequence: 2, leaseId: 7, isComputing: false };
    expect(decode(upMessage, encode(message))).toEqual(message);
  });
});
