/**
 * Changes to the bytes of a valid file that find what a reader believes without looking: flipped bits, lengths set to
 * extremes, parts cut, doubled, moved, and taken from another file.
 */
import type { Random } from './random.ts';

/** No mutation makes a larger file than this. */
export const maxInputBytes = 256 * 1024;

type Mutation = (random: Random, bytes: Buffer, other: Uint8Array) => Buffer;

const extremes = [0, 1, 2, 3, 7, 8, 255, 256, 32767, 65535, 65536, 2 ** 20, 2 ** 24, 2 ** 27, 1e9, 2 ** 30];
const largest = [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 8];

const joined = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts).subarray(0, maxInputBytes);

/** [begin, end) of a part. */
function range(random: Random, length: number): [number, number] {
  const size = random.length(Math.max(1, length));
  const begin = random.below(length - size + 1);
  return [begin, Math.min(length, begin + size)];
}

const flipBit: Mutation = (random, bytes) => {
  const at = random.below(bytes.length);
  bytes[at]! ^= 1 << random.below(8);
  return bytes;
};

const setByte: Mutation = (random, bytes) => {
  bytes[random.below(bytes.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
  return bytes;
};

/** Lengths, counts and offsets are whole numbers of some width, mostly at a multiple of it. */
const setInteger: Mutation = (random, bytes) => {
  const width = random.pick([2, 4, 4, 8]);
  if (bytes.length < width) return bytes;
  const step = random.chance(0.8) ? width : 1;
  const at = Math.min(random.below(Math.floor(bytes.length / step)) * step, bytes.length - width);
  const near = bytes.length - at + random.below(17) - 8;
  const value = random.pick([random.pick(extremes), random.pick(largest), Math.max(0, near), random.word()]);
  return writeInteger(bytes, at, width, value, random.chance(0.5));
};

const addToInteger: Mutation = (random, bytes) => {
  const width = random.pick([1, 2, 4]);
  if (bytes.length < width) return bytes;
  const at = random.below(bytes.length - width + 1);
  const littleEndian = random.chance(0.5);
  const value = littleEndian ? bytes.readUIntLE(at, width) : bytes.readUIntBE(at, width);
  const changed = random.pick([value + 1, value - 1, value * 2, value * 256, value + random.below(64)]);
  return writeInteger(bytes, at, width, Math.max(0, changed), littleEndian);
};

function writeInteger(
  bytes: Buffer,
  at: number,
  width: number,
  value: number,
  littleEndian: boolean,
): Buffer {
  const low = value % 2 ** (8 * Math.min(width, 4));
  const word = littleEndian ? at : at + width - Math.min(width, 4);
  if (width === 8) bytes.fill(random8(value), at, at + 8);
  if (littleEndian) bytes.writeUIntLE(low, word, Math.min(width, 4));
  else bytes.writeUIntBE(low, word, Math.min(width, 4));
  return bytes;
}

/** The upper half of an 8-byte number: mostly 0, or all ones for the largest. */
const random8 = (value: number): number => (value >= 2 ** 32 - 8 ? 0xff : 0);

const truncate: Mutation = (random, bytes) => bytes.subarray(0, random.below(bytes.length));

const remove: Mutation = (random, bytes) => {
  const [begin, end] = range(random, bytes.length);
  return joined(bytes.subarray(0, begin), bytes.subarray(end));
};

const insert: Mutation = (random, bytes) => {
  const at = random.below(bytes.length + 1);
  const fill = random.pick([0, 0xff, 0x20, random.below(256)]);
  const part = Buffer.alloc(random.length(random.chance(0.05) ? 65_536 : 64), fill);
  return joined(bytes.subarray(0, at), part, bytes.subarray(at));
};

const duplicate: Mutation = (random, bytes) => {
  const [begin, end] = range(random, bytes.length);
  const times = random.chance(0.1) ? random.length(256) : 1;
  const copies = Array.from({ length: times }, () => bytes.subarray(begin, end));
  const room = Math.max(1, Math.floor(maxInputBytes / Math.max(1, end - begin)));
  return joined(bytes.subarray(0, end), ...copies.slice(0, room), bytes.subarray(end));
};

const move: Mutation = (random, bytes) => {
  const [begin, end] = range(random, bytes.length);
  const rest = Buffer.concat([bytes.subarray(0, begin), bytes.subarray(end)]);
  const at = random.below(rest.length + 1);
  return joined(rest.subarray(0, at), bytes.subarray(begin, end), rest.subarray(at));
};

const overwrite: Mutation = (random, bytes) => {
  const [begin, end] = range(random, bytes.length);
  return Buffer.from(bytes.fill(random.pick([0, 0xff, random.below(256)]), begin, end));
};

const splice: Mutation = (random, bytes, other) =>
  joined(bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(random.below(other.length + 1)));

const mutations = [
  [flipBit, 4],
  [setByte, 4],
  [setInteger, 8],
  [addToInteger, 4],
  [truncate, 2],
  [remove, 2],
  [insert, 2],
  [duplicate, 2],
  [move, 1],
  [overwrite, 1],
  [splice, 1],
] as const;
const weighted = mutations.flatMap(([mutation, weight]) => Array<Mutation>(weight).fill(mutation));

/** A copy of `bytes` with one to six changes; `other` is a second valid file to take parts of. */
export function mutateBytes(random: Random, bytes: Uint8Array, other: Uint8Array): Buffer {
  let changed: Buffer = Buffer.from(bytes);
  for (let left = random.length(6); left > 0 && changed.length > 0; left--) {
    changed = random.pick(weighted)(random, changed, other);
  }
  return changed;
}
