/** Files that readers are tried on, and small pieces of the formats that several of them need. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import type { Seed } from '../reader.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** The mask fixtures whose names match. */
export function maskFixtures(pattern: RegExp): Seed[] {
  const folder = join(root, 'packages/dataset/fixtures/masks');
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
}

export const fixture = (path: string): Buffer => readFileSync(join(root, path));

export const textSeed = (name: string, text: string): Seed => ({
  name,
  bytes: Buffer.from(text),
  kind: 'text',
});

/** Little-endian 32-bit words. */
export function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, 4 * i);
  return bytes;
}

export const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** A chunk with its checksum. */
export function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
}

/** Puts the checksums of a PNG's chunks right, as far as its chunks can be walked. */
export function withPngChecksums(changed: Buffer): Buffer {
  for (let at = 8; at + 12 <= changed.length; ) {
    const end = at + 8 + changed.readUInt32BE(at);
    if (end + 4 > changed.length) break;
    changed.writeUInt32BE(crc32(changed.subarray(at + 4, end)), end);
    at = end + 4;
  }
  return changed;
}
