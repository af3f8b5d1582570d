import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeHeader,
  encodeHeader,
  type FrameHeader,
  frameHeaderBytes,
  mismatch,
  runTagOf,
} from './frame.ts';

const header: FrameHeader = {
  role: 'data',
  kind: 'gradient',
  format: 'bf16',
  term: 3,
  version: 1_000_000,
  level: 2,
  index: 5,
  bucket: 7,
  offsetBytes: 1024,
  lengthBytes: 512,
  totalBytes: 4096,
  checksum: 0xfedcba98,
};
const tag = runTagOf('run-a');
const encoded = (): Buffer => {
  const bytes = Buffer.alloc(frameHeaderBytes);
  encodeHeader(bytes, tag, header);
  return bytes;
};

describe('frame header', () => {
  it('comes back as it was written', () => {
    expect(decodeHeader(encoded(), tag)).toEqual(header);
  });

  it('is refused with any one bit flipped', () => {
    for (let bit = 0; bit < frameHeaderBytes * 8; bit++) {
      const bytes = encoded();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeHeader(bytes, tag), `bit ${bit}`).toBeTypeOf('string');
    }
  });

  it('is refused when it belongs to another run', () => {
    expect(decodeHeader(encoded(), runTagOf('run-b'))).toBe('frame of another run');
  });

  it('never throws on rubbish', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(decodeHeader(bytes, tag)).toBeTypeOf('string');
      }),
    );
  });

  it('matches only the very bucket that was asked for', () => {
    const key = {
      ...{ kind: 'gradient', format: 'bf16', term: 3, version: 1_000_000, level: 2, index: 5 },
    } as const;
    expect(mismatch(header, key, 7, 4096)).toBeNull();
    expect(mismatch(header, { ...key, term: 2 }, 7, 4096)).toMatch(/not asked for/);
    expect(mismatch(header, { ...key, version: 5 }, 7, 4096)).toMatch(/not asked for/);
    expect(mismatch(header, { ...key, format: 'float32' }, 7, 4096)).toMatch(/not asked for/);
    expect(mismatch(header, key, 6, 4096)).toMatch(/not asked for/);
    expect(mismatch(header, key, 7, 8192)).toMatch(/4096 instead of 8192/);
    expect(mismatch({ ...header, offsetBytes: 4000 }, key, 7, 4096)).toMatch(/beyond the end/);
  });
});
