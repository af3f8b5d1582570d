/** WebP, through sharp; whether anything was lost is in its chunks alone. */
import { type Container, startsWith } from './container.ts';
import { readWithSharp } from './sharp-picture.ts';

export const webp: Container = {
  name: 'webp',
  title: 'WebP file',
  extensions: ['.webp'],
  matches: (bytes) => startsWith(bytes, 'RIFF') && startsWith(bytes, 'WEBP', 8),
  read: (bytes, limit) => readWithSharp(bytes, !isLosslessWebp(bytes), limit),
  forSharp: (bytes) => ({ page: 0, bits: 8, isLossy: !isLosslessWebp(bytes), layout: null }),
  lossOf: 'it is WebP with loss, whose compression',
};

/** The first chunk of pixels is VP8L where nothing was lost. */
function isLosslessWebp(bytes: Uint8Array): boolean {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 12; at + 8 <= file.length; ) {
    const type = file.toString('latin1', at, at + 4);
    if (type === 'VP8L') return true;
    if (type === 'VP8 ') return false;
    const length = file.readUInt32LE(at + 4);
    at += 8 + length + (length & 1);
  }
  return false;
}
