/** Python wheels, which are zip archives: names that lead elsewhere, sizes that are not true. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { unpack } from '@unet-fleet/install/unpack';
import { UserError } from '@unet-fleet/law';
import type { Reader, Seed } from '../reader.ts';

interface Member {
  name: string;
  bytes: Buffer;
  /** What the archive says, if not the truth. */
  claimedBytes?: number;
}

const record = (...fields: [value: number, width: 2 | 4][]): Buffer =>
  Buffer.concat(
    fields.map(([value, width]) => {
      const bytes = Buffer.alloc(width);
      if (width === 2) bytes.writeUInt16LE(value);
      else bytes.writeUInt32LE(value);
      return bytes;
    }),
  );

/** A zip archive of deflated members. */
function zip(members: Member[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, claimedBytes = bytes.length } of members) {
    const path = Buffer.from(name);
    const packed = deflateRawSync(bytes);
    const facts = record([0, 2], [8, 2], [0, 4], [crc32(bytes), 4], [packed.length, 4], [claimedBytes, 4]);
    const start = Buffer.concat([
      record([0x04034b50, 4], [20, 2]),
      facts,
      record([path.length, 2], [0, 2]),
      path,
    ]);
    const mode = 0o100755 * 65536;
    central.push(
      record([0x02014b50, 4], [0x0314, 2], [20, 2]),
      facts,
      record([path.length, 2], [0, 2], [0, 2], [0, 2], [0, 2], [mode, 4], [offset, 4]),
      path,
    );
    local.push(start, packed);
    offset += start.length + packed.length;
  }
  const directory = Buffer.concat(central);
  const count = members.length;
  const end = record(
    [0x06054b50, 4],
    [0, 2],
    [0, 2],
    [count, 2],
    [count, 2],
    [directory.length, 4],
    [offset, 4],
    [0, 2],
  );
  return Buffer.concat([...local, directory, end]);
}

const small: Member[] = [
  { name: 'gadget/lib/gadget.so', bytes: Buffer.alloc(500, 'x') },
  { name: 'gadget/bin/tool', bytes: Buffer.from('#!/bin/sh\n') },
  { name: 'gadget-1.0.dist-info/METADATA', bytes: Buffer.from('Name: gadget\n') },
];
const seed = (name: string, members: Member[]): Seed => ({ name, bytes: zip(members) });
const oneByte = Buffer.from('x');

async function read(input: Uint8Array, _: Seed, folder: string): Promise<void> {
  const work = join(folder, 'work', 'wheel');
  rmSync(work, { recursive: true, force: true });
  const target = join(work, 'inside', 'folder');
  mkdirSync(target, { recursive: true });
  const archive = join(work, 'a.whl');
  writeFileSync(archive, input);
  try {
    await unpack(
      archive,
      target,
      () => true,
      () => {},
      2 ** 24,
    );
  } finally {
    const outside = [...readdirSync(work), ...readdirSync(join(work, 'inside'))].sort().join();
    if (outside !== 'a.whl,folder,inside' || existsSync('/tmp/unet-fleet-escaped')) {
      // biome-ignore lint/correctness/noUnsafeFinally: nothing is worse than this
      throw new TypeError(`files outside of the folder: ${outside}`);
    }
  }
}

export const wheelReaders: Reader[] = [
  {
    name: 'wheel',
    weight: 0.2,
    seeds: () => [seed('a.whl', small)],
    hostile: () => [
      seed('up', [{ name: '../escaped', bytes: oneByte }]),
      seed('up-within', [{ name: 'a/../../escaped', bytes: oneByte }]),
      seed('absolute', [{ name: '/tmp/unet-fleet-escaped', bytes: oneByte }]),
      seed('backslash', [{ name: '..\\escaped', bytes: oneByte }]),
      seed('drive', [{ name: 'C:/escaped', bytes: oneByte }]),
      seed('nul', [{ name: 'a\0b', bytes: oneByte }]),
      seed('escape', [{ name: '\u001b[2J/../x', bytes: oneByte }]),
      seed('folder-and-file', [
        { name: 'a', bytes: oneByte },
        { name: 'a/b', bytes: oneByte },
      ]),
      seed('long', [{ name: 'a'.repeat(3_000), bytes: oneByte }]),
      seed('deep', [{ name: 'a/'.repeat(3_000), bytes: oneByte }]),
      seed('bomb', [{ name: 'a', bytes: Buffer.alloc(64 * 2 ** 20) }]),
      seed('claims-less', [{ name: 'a', bytes: Buffer.alloc(2 ** 20), claimedBytes: 10 }]),
      seed('claims-more', [{ name: 'a', bytes: oneByte, claimedBytes: 2 ** 32 - 2 }]),
    ],
    read,
    isAnswer: (error) => error instanceof UserError,
  },
];
