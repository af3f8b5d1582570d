/** Archives that are damaged, or lead out of their folder: found by fuzzing, or known from others. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { UserError } from '@unet-fleet/law';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { unpack } from './unpack.ts';

const root = mkdtempSync(join(tmpdir(), 'unet-fleet-unpack-'));
afterAll(() => rmSync(root, { recursive: true }));
let folder = '';
let numTests = 0;
beforeEach(() => {
  folder = join(root, `${numTests++}`, 'inside');
  mkdirSync(folder, { recursive: true });
});

const record = (...fields: [value: number, width: 2 | 4][]): Buffer =>
  Buffer.concat(
    fields.map(([value, width]) => {
      const bytes = Buffer.alloc(width);
      if (width === 2) bytes.writeUInt16LE(value);
      else bytes.writeUInt32LE(value);
      return bytes;
    }),
  );

/** A zip archive: name, content, and the size that it claims. */
function zip(...members: [name: string, bytes: Buffer, claimedBytes?: number][]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  for (const [name, bytes, claimedBytes = bytes.length] of members) {
    const path = Buffer.from(name);
    const packed = deflateRawSync(bytes);
    const facts = record([0, 2], [8, 2], [0, 4], [crc32(bytes), 4], [packed.length, 4], [claimedBytes, 4]);
    const offset = Buffer.concat(local).length;
    local.push(record([0x04034b50, 4], [20, 2]), facts, record([path.length, 2], [0, 2]), path, packed);
    central.push(record([0x02014b50, 4], [0x0314, 2], [20, 2]), facts);
    central.push(record([path.length, 2], [0, 2], [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]), path);
  }
  const directory = Buffer.concat(central);
  const numMembers = members.length;
  const start = Buffer.concat(local).length;
  const end = record(
    [0x06054b50, 4],
    [0, 4],
    [numMembers, 2],
    [numMembers, 2],
    [directory.length, 4],
    [start, 4],
    [0, 2],
  );
  return Buffer.concat([...local, directory, end]);
}

const archiveOf = (bytes: Buffer): string => {
  const path = join(folder, '..', 'a.whl');
  writeFileSync(path, bytes);
  return path;
};
const unpackAll = (bytes: Buffer, maxBytes = 1e6) =>
  unpack(
    archiveOf(bytes),
    folder,
    () => true,
    () => {},
    maxBytes,
  );

test('a good archive', async () => {
  expect(await unpackAll(zip(['a/b', Buffer.from('text')]))).toEqual({ 'a/b': 4 });
  expect(readFileSync(join(folder, 'a/b'), 'utf8')).toBe('text');
});

test.each(['../escaped', 'a/../../escaped', '/escaped', '..\\escaped', 'C:/escaped'])(
  'a member named %s writes nothing',
  async (name) => {
    await expect(unpackAll(zip([name, Buffer.from('x')]))).rejects.toThrow(UserError);
    expect(readdirSync(join(folder, '..')).sort()).toEqual(['a.whl', 'inside']);
    expect(readdirSync(folder)).toEqual([]);
    expect(existsSync('/escaped')).toBe(false);
  },
);

test.each<[string, Buffer, RegExp]>([
  ['holds more than it says', zip(['a', Buffer.alloc(1e5), 10]), /is damaged \(too many bytes in the stream/],
  [
    'says that it holds gigabytes',
    zip(['a', Buffer.from('x'), 4e9]),
    /more than the 1000000 bytes that are expected/,
  ],
  [
    'holds many that are more together',
    zip(['a', Buffer.alloc(6e5)], ['b', Buffer.alloc(6e5)]),
    /more than the 1000000/,
  ],
  [
    'has a file where a folder must be',
    zip(['a', Buffer.from('x')], ['a/b', Buffer.from('y')]),
    /is damaged \(E/,
  ],
  ['has a name that no disk takes', zip(['a'.repeat(3000), Buffer.from('x')]), /is damaged \(ENAMETOOLONG/],
  ['is cut short', zip(['a', Buffer.from('text')]).subarray(0, -9), /is damaged/],
  ['is none', Buffer.from('no archive'), /is damaged/],
])('an archive that %s', async (_, bytes, sentence) => {
  const error = await unpackAll(bytes).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).message).toMatch(sentence);
  expect((error as UserError).message.length).toBeLessThan(500);
});

test('a fault of the archive after one of the disk does not end the process', async () => {
  const bytes = zip(['a'.repeat(3000), Buffer.alloc(1e5), 10]);
  await expect(unpackAll(bytes)).rejects.toThrow(UserError);
  await new Promise((resolve) => setImmediate(resolve));
});
