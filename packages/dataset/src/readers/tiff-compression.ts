/**
 * The compressions of TIFF parts (strips and tiles): each fills a buffer of the size that the tags give the part, and
 * writes no byte beyond it. Sources: "TIFF, revision 6.0", sections 9 and 13, for PackBits and LZW.
 */
import { inflateSync } from 'node:zlib';

const NONE = 1;
const LZW = 5;
const DEFLATE = 8;
const OLD_DEFLATE = 32946;
const PACKBITS = 32773;

/** Those that only the library decodes, a whole page at a time. */
export const CCITT = new Set([2, 3, 4]);
export const JPEG = 7;

const names: Record<number, string> = {
  6: 'JPEG of the old kind',
  32766: 'NeXT run lengths',
  32771: 'CCITT with aligned rows',
  32809: 'ThunderScan',
  34661: 'JBIG',
  34676: 'SGI LogLuv',
  34677: 'SGI LogLuv',
  34712: 'JPEG 2000',
  33003: 'JPEG 2000',
  33005: 'JPEG 2000',
  34887: 'LERC',
  34892: 'lossy JPEG of DNG',
  34925: 'LZMA',
  50000: 'Zstandard',
  50001: 'WebP',
  50002: 'JPEG XL',
  52546: 'JPEG XL',
};

const READ = new Set([NONE, LZW, DEFLATE, OLD_DEFLATE, PACKBITS, JPEG, ...CCITT]);

/** Throws a plain sentence that names a compression which is not read. */
export function checkCompression(compression: number): void {
  if (READ.has(compression)) return;
  const name = names[compression];
  throw new Error(
    `its compression is ${name ?? `number ${compression}, of no common kind`}, which is not read; save it with deflate, LZW or none`,
  );
}

/** The part's bytes, exactly `numBytes`. Throws where there are fewer. */
export function decompressed(part: Uint8Array, compression: number, numBytes: number): Uint8Array {
  if (compression === NONE) {
    if (part.length < numBytes) throw new Error('the file ends early');
    return part.subarray(0, numBytes);
  }
  if (compression === LZW) return unpackLzw(part, numBytes);
  if (compression === PACKBITS) return unpackRuns(part, numBytes);
  // Writers may pad a part; more than a row's padding is no part of this size.
  const inflated = inflateSync(part, { maxOutputLength: numBytes + 64 });
  if (inflated.length < numBytes) throw new Error('the file ends early');
  return inflated.subarray(0, numBytes);
}

function unpackRuns(part: Uint8Array, numBytes: number): Uint8Array {
  const bytes = new Uint8Array(numBytes);
  let written = 0;
  for (let at = 0; written < numBytes; ) {
    const code = part[at++];
    if (code === undefined) throw new Error('the file ends early');
    if (code === 128) continue;
    const count = code < 128 ? code + 1 : 257 - code;
    const end = Math.min(numBytes, written + count);
    if (code < 128) {
      if (at + (end - written) > part.length) throw new Error('the file ends early');
      bytes.set(part.subarray(at, at + end - written), written);
      at += count;
    } else {
      const value = part[at++];
      if (value === undefined) throw new Error('the file ends early');
      bytes.fill(value, written, end);
    }
    written = end;
  }
  return bytes;
}

/** LZW with codes from the high bits on, whose width grows one code early. */
function unpackLzw(part: Uint8Array, numBytes: number): Uint8Array {
  if (part[0] === 0 && ((part[1] ?? 0) & 1) === 1) {
    throw new Error('its compression is LZW of the kind before TIFF 6, which is not read; save it anew');
  }
  const bytes = new Uint8Array(numBytes);
  const [CLEAR, END, FIRST] = [256, 257, 258];
  // A code's text is one that was written before: where it begins in `bytes`, and how long it is.
  const starts = new Uint32Array(4096);
  const lengths = new Uint32Array(4096);
  let [width, next, written] = [9, FIRST, 0];
  let [previousStart, previousLength] = [0, 0];
  for (let bit = 0; written < numBytes; ) {
    if (bit + width > part.length * 8) throw new Error('the file ends early');
    const at = bit >> 3;
    const word = ((part[at] as number) << 16) | ((part[at + 1] ?? 0) << 8) | (part[at + 2] ?? 0);
    const code = (word >> (24 - (bit & 7) - width)) & (2 ** width - 1);
    bit += width;
    if (code === END) throw new Error('the file ends early');
    if (code === CLEAR) {
      [width, next, previousLength] = [9, FIRST, 0];
      continue;
    }
    const start = written;
    if (code < 256) bytes[written++] = code;
    else {
      if (code > next || (code === next && previousLength === 0) || (code >= FIRST && previousLength === 0)) {
        throw new Error('its compressed data is damaged');
      }
      // A code that is about to be defined is the previous text and its first value, which lies just behind it.
      const from = code === next ? previousStart : (starts[code] as number);
      const length = code === next ? previousLength + 1 : (lengths[code] as number);
      const end = Math.min(numBytes, written + length);
      for (let i = from; written < end; ) bytes[written++] = bytes[i++] as number;
    }
    if (previousLength > 0 && next < 4096) {
      starts[next] = previousStart;
      lengths[next] = previousLength + 1;
      next += 1;
    }
    if (width < 12 && next + 1 >= 2 ** width) width += 1;
    [previousStart, previousLength] = [start, written - start];
  }
  return bytes;
}
