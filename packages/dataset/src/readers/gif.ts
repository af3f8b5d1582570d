/**
 * GIF: the palette indices of its one picture, which libraries replace by colours. Source: "Graphics Interchange Format,
 * version 89a", CompuServe. Files of several frames are refused: which one is meant, they cannot say.
 */
import { checkPixels, type PixelLimit } from '../limits.ts';
import { type Container, startsWith } from './container.ts';
import { plainPicture, type StoredPicture } from './picture.ts';
import { checkStill } from './sharp-picture.ts';

const IMAGE = 0x2c;
const EXTENSION = 0x21;
const TRAILER = 0x3b;

interface Frame {
  width: number;
  height: number;
  left: number;
  top: number;
  isInterlaced: boolean;
  colors: Uint8Array | null;
  /** Where the code size stands, before the blocks of codes. */
  at: number;
}

export const gif: Container = {
  name: 'gif',
  title: 'GIF file',
  extensions: ['.gif'],
  matches: (bytes) => startsWith(bytes, 'GIF87a') || startsWith(bytes, 'GIF89a'),
  read: (bytes, limit) => readGif(bytes, limit),
};

/** Throws a plain sentence where the bytes are no GIF of one whole picture. */
function readGif(bytes: Uint8Array, limit: PixelLimit): StoredPicture {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!/^GIF8[79]a$/.test(file.toString('latin1', 0, 6))) throw new Error('it is no GIF file');
  if (file.length < 13) throw new Error('the file ends early');
  const [width, height] = [file.readUInt16LE(6), file.readUInt16LE(8)];
  checkPixels(width, height, limit, bytes.length);
  const flags = file[10] as number;
  const globalEnd = 13 + tableBytes(flags);
  const globalColors = flags & 0x80 ? file.subarray(13, globalEnd) : null;
  const frames = framesOf(file, globalEnd);
  checkStill(frames.length);
  const [frame] = frames;
  if (frame === undefined) throw new Error('it holds no picture');
  if (frame.left !== 0 || frame.top !== 0 || frame.width !== width || frame.height !== height) {
    throw new Error(
      `its picture of ${frame.width} x ${frame.height} pixels covers a part of its ${width} x ${height}; save it anew, in one piece`,
    );
  }
  const colors = frame.colors ?? globalColors;
  if (colors === null) throw new Error('it is damaged: it has no palette');
  const codes = decodeCodes(blocksOf(file, frame.at + 1), file[frame.at] as number, width * height);
  return {
    ...plainPicture,
    width,
    height,
    channels: 1,
    values: frame.isInterlaced ? deinterlaced(codes, width, height) : codes,
    kind: 'u1',
    bits: 8,
    meaning: 'palette',
    colors: Uint8Array.from(colors),
  };
}

const tableBytes = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);

/** Walks all blocks, each of which lies in the file. */
function framesOf(file: Buffer, start: number): Frame[] {
  const frames: Frame[] = [];
  for (let at = start; ; ) {
    const type = file[at];
    if (type === undefined) throw new Error('the file ends early');
    if (type === TRAILER) return frames;
    if (type === EXTENSION) at = endOfBlocks(file, at + 2);
    else if (type === IMAGE) {
      if (at + 10 >= file.length) throw new Error('the file ends early');
      const flags = file[at + 9] as number;
      const end = at + 10 + tableBytes(flags);
      frames.push({
        left: file.readUInt16LE(at + 1),
        top: file.readUInt16LE(at + 3),
        width: file.readUInt16LE(at + 5),
        height: file.readUInt16LE(at + 7),
        isInterlaced: (flags & 0x40) !== 0,
        colors: flags & 0x80 ? file.subarray(at + 10, end) : null,
        at: end,
      });
      at = endOfBlocks(file, end + 1);
    } else throw new Error('it is damaged: an unknown block');
  }
}

/** Blocks are a length and as many bytes; a length of 0 ends them. */
function endOfBlocks(file: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const length = file[at];
    if (length === undefined || at + length >= file.length) throw new Error('the file ends early');
    at += 1 + length;
    if (length === 0) return at;
  }
}

function blocksOf(file: Buffer, start: number): Buffer {
  const blocks: Buffer[] = [];
  for (let at = start; (file[at] as number) > 0; at += 1 + (file[at] as number)) {
    blocks.push(file.subarray(at + 1, at + 1 + (file[at] as number)));
  }
  return Buffer.concat(blocks);
}

/** LZW with codes from the low bits of each byte on. Writes at most `numValues`, and throws where there are fewer. */
function decodeCodes(data: Buffer, minBits: number, numValues: number): Uint8Array {
  if (!(minBits >= 1 && minBits <= 8)) throw new Error('it is damaged: a code size that there is none of');
  const [clear, end] = [2 ** minBits, 2 ** minBits + 1];
  const prefixes = new Uint16Array(4096);
  const suffixes = new Uint8Array(4096);
  const lengths = new Uint16Array(4096).fill(1, 0, clear);
  for (let code = 0; code < clear; code++) suffixes[code] = code;
  const values = new Uint8Array(numValues);
  let [width, next, previous, written] = [minBits + 1, end + 1, -1, 0];
  for (let bit = 0; bit + width <= data.length * 8 && written < numValues; ) {
    const at = bit >> 3;
    const word = (data[at] as number) | ((data[at + 1] ?? 0) << 8) | ((data[at + 2] ?? 0) << 16);
    const code = (word >> (bit & 7)) & (2 ** width - 1);
    bit += width;
    if (code === end) break;
    if (code === clear) {
      [width, next, previous] = [minBits + 1, end + 1, -1];
      continue;
    }
    if (code > next || (code === next && previous < 0)) throw new Error('its compressed data is damaged');
    // A code that is about to be defined stands for the previous text and that text's first value.
    const known = code < next ? code : previous;
    const length = code < next ? (lengths[code] as number) : (lengths[previous] as number) + 1;
    let first = known;
    for (let i = written + (lengths[known] as number) - 1; i >= written; i--) {
      if (i < numValues) values[i] = suffixes[first] as number;
      if (i > written) first = prefixes[first] as number;
    }
    if (code === next && written + length - 1 < numValues)
      values[written + length - 1] = suffixes[first] as number;
    written += length;
    if (previous >= 0 && next < 4096) {
      prefixes[next] = previous;
      suffixes[next] = suffixes[first] as number;
      lengths[next] = (lengths[previous] as number) + 1;
      next += 1;
      if (next === 2 ** width && width < 12) width += 1;
    }
    previous = code;
  }
  if (written < numValues) throw new Error('the file ends early');
  return values;
}

/** Rows come in four passes: every eighth from 0, every eighth from 4, every fourth from 2, every second from 1. */
function deinterlaced(rows: Uint8Array, width: number, height: number): Uint8Array {
  const result = new Uint8Array(rows.length);
  let from = 0;
  for (const [first, step] of [
    [0, 8],
    [4, 8],
    [2, 4],
    [1, 2],
  ] as const) {
    for (let y = first; y < height; y += step, from += width) {
      result.set(rows.subarray(from, from + width), y * width);
    }
  }
  return result;
}
