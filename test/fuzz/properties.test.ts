/**
 * What goes out comes back, and what never came out is told: properties of the formats that are written here. And no
 * file name, whatever is in it, leads out of the data folder or into a terminal.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { maskExtensionsOf, pairFiles, readMask, samplesOf } from '@unet-fleet/dataset';
import { numbersFrom } from '@unet-fleet/dataset/readers/numbers';
import { isPrintable, roundKinds, UserError } from '@unet-fleet/law';
import {
  decodeHeader as decodeTensors,
  encodeHeader as encodeTensors,
} from '@unet-fleet/record/checkpoint/safetensors';
import { decodeHeader, encodeHeader, frameHeaderBytes, mismatch } from '@unet-fleet/wire';
import {
  decode,
  downMessage,
  encode,
  joinReply,
  joinRequest,
  upMessage,
} from '@unet-fleet/wire/protocol/messages';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const word = fc.nat(0xffffffff);
const frame = fc.record({
  role: fc.constantFrom('request', 'data', 'absent'),
  kind: fc.constantFrom('gradient', 'weights'),
  format: fc.constantFrom('float32', 'bf16', 'int8'),
  level: fc.nat(255),
  term: word,
  version: word,
  index: word,
  bucket: word,
  offsetBytes: word,
  lengthBytes: word,
  totalBytes: word,
  checksum: word,
} as const);

test('a frame header is read as it was written, by its own run alone', () => {
  fc.assert(
    fc.property(frame, word, word, (header, runTag, otherTag) => {
      const bytes = Buffer.alloc(frameHeaderBytes);
      encodeHeader(bytes, runTag, header);
      expect(decodeHeader(bytes, runTag)).toEqual(header);
      if (otherTag !== runTag) expect(decodeHeader(bytes, otherTag)).toBe('frame of another run');
    }),
  );
});

test('a flipped bit of a frame header is noticed, and any bytes are answered', () => {
  fc.assert(
    fc.property(frame, word, fc.nat(frameHeaderBytes * 8 - 1), (header, runTag, bit) => {
      const bytes = Buffer.alloc(frameHeaderBytes);
      encodeHeader(bytes, runTag, header);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(typeof decodeHeader(bytes, runTag)).toBe('string');
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), word, (bytes, runTag) => {
      expect(typeof decodeHeader(bytes, runTag)).toBe('string');
    }),
  );
});

test('no frame reaches beyond its bucket', () => {
  fc.assert(
    fc.property(frame, word, (header, totalBytes) => {
      const wrong = mismatch(header, header, header.bucket, totalBytes);
      if (wrong === null) expect(header.offsetBytes + header.lengthBytes).toBeLessThanOrEqual(totalBytes);
    }),
  );
});

const node = fc.record({ level: fc.nat(32), index: word });
const sequence = fc.maxSafeNat();
const up = fc.oneof(
  fc.record({
    type: fc.constant('heartbeat'),
    term: word,
    sequence,
    leaseId: word,
    isComputing: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('failed'),
    term: word,
    sequence,
    message: fc.string({ maxLength: 200, unit: 'grapheme-ascii' }),
  }),
  fc.record({
    type: fc.constant('draining'),
    term: word,
    sequence,
    kind: fc.constantFrom(...roundKinds),
    version: word,
    nodes: fc.array(node),
  }),
);

test('a message is read as it was written, and any bytes are answered', () => {
  fc.assert(
    fc.property(up, (message) => {
      expect(decode(upMessage, encode(message))).toEqual(message);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const schema of [upMessage, downMessage, joinReply, joinRequest]) decode(schema as never, bytes);
    }),
  );
  // Any value at all: most of what a peer of another version sends is well-formed.
  fc.assert(
    fc.property(fc.object({ maxDepth: 3 }), (value) => {
      for (const schema of [upMessage, downMessage, joinRequest]) {
        expect(decode(schema as never, encode(value))).toBeNull();
      }
    }),
  );
});

const tensors = fc.uniqueArray(
  fc.record({
    name: fc.string({ minLength: 1 }).filter((name) => name !== '__metadata__'),
    dtype: fc.constantFrom('F32', 'I64'),
    shape: fc.array(fc.nat(5), { maxLength: 4 }),
  } as const),
  { selector: ({ name }) => name, maxLength: 8 },
);

test('a safetensors header is read as it was written', () => {
  fc.assert(
    fc.property(tensors, (list) => {
      const header = encodeTensors(list, { format: 'pt' });
      const size = ({ dtype, shape }: (typeof list)[number]) =>
        shape.reduce((product, n) => product * n, dtype === 'F32' ? 4 : 8);
      const numBytes = list.reduce((sum, tensor) => sum + size(tensor), 0);
      const file = Buffer.concat([header, Buffer.alloc(numBytes)]);
      const found = decodeTensors(file).tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
      const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
      expect(found.sort(byName)).toEqual([...list].sort(byName));
    }),
  );
});

/** As numpy.save writes it. */
function npy(values: Uint16Array, height: number, width: number, isFortran: boolean, isBig: boolean): Buffer {
  const header = `{'descr': '${isBig ? '>' : '<'}u2', 'fortran_order': ${isFortran ? 'True' : 'False'}, 'shape': (${height}, ${width}), }\n`;
  const start = Buffer.from('\x93NUMPY\x01\0\0\0', 'latin1');
  start.writeUInt16LE(header.length, 8);
  const data = Buffer.from(Uint16Array.from(values).buffer);
  return Buffer.concat([start, Buffer.from(header), isBig ? data.swap16() : data]);
}

test('an .npy array of either order and either byte order gives the same mask', async () => {
  const size = fc.integer({ min: 1, max: 9 });
  await fc.assert(
    fc.asyncProperty(
      size,
      size,
      fc.boolean(),
      fc.infiniteStream(fc.nat(65_533)),
      async (height, width, isBig, stream) => {
        const rows = Uint16Array.from({ length: height * width }, () => stream.next().value as number);
        const columns = rows.map((_, i) => rows[(i % height) * width + Math.floor(i / height)]!);
        const options = { matVariable: '', palette: null, maxPixels: 2 ** 27, maskThreshold: 0 };
        const byRows = await readMask('a.npy', npy(rows, height, width, false, isBig), options);
        const byColumns = await readMask('a.npy', npy(columns, height, width, true, isBig), options);
        expect(Array.from(byRows.values)).toEqual(Array.from(rows));
        expect(byColumns.values).toEqual(byRows.values);
      },
    ),
  );
});

test('numbers of any kind are read whole, or refused at a ragged end', () => {
  const kinds = ['u1', 'i1', 'u2', 'i2', 'u4', 'i4', 'u8', 'i8', 'f2', 'f4', 'f8'] as const;
  fc.assert(
    fc.property(fc.uint8Array(), fc.constantFrom(...kinds), fc.boolean(), (bytes, kind, littleEndian) => {
      const width = Number(kind[1]);
      const read = () => numbersFrom(bytes, kind, littleEndian).length;
      if (bytes.length % width === 0) expect(read()).toBe(bytes.length / width);
      else expect(read).toThrow('the file ends within a number');
    }),
  );
});

test('any bytes under any mask name are answered with a mask or a FileError', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 400 }),
      fc.constantFrom(...maskExtensionsOf({ maskThreshold: 0 })),
      async (bytes, extension) => {
        const options = { matVariable: 'groundtruth', palette: null, maxPixels: 2 ** 27, maskThreshold: 0 };
        const error = await readMask(`nowhere/a${extension}`, bytes, options).catch(
          (caught: unknown) => caught,
        );
        if (error instanceof Error) expect(error.name).toBe('FileError');
      },
    ),
  );
});

/** Names of files as a disk takes them. */
const fileName = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
    fc.constantFrom(
      '...',
      '..\\up',
      '~',
      '%2e%2e',
      '-rf',
      '--help',
      ' ',
      'a\nb',
      '\u001b[2J',
      '__proto__',
      'é',
      'C:',
    ),
  )
  .map((name) => `${name.replaceAll(/[/\0]/g, '_')}.png`)
  .filter((name) => Buffer.byteLength(name) < 200);

test('photos and masks lie in their folders, whatever their names and links are', async () => {
  const link = fc.constantFrom('/etc/hostname', '..', '../masks', '../../..', '.', '/dev/null', 'nowhere');
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fileName, { minLength: 1, maxLength: 4 }),
      fc.option(link),
      async (names, target) => {
        const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-names-'));
        try {
          const [images, masks] = [join(folder, 'photos'), join(folder, 'masks')];
          for (const below of [images, masks]) {
            mkdirSync(below);
            for (const name of names) writeFileSync(join(below, name), '');
          }
          if (target !== null) symlinkSync(target, join(images, 'link.png'));
          const found = await pairFiles({
            ...{ images, masks, imageSuffix: '', maskSuffix: '' },
            followLinks: false,
          }).catch((error: unknown) => error);
          if (found instanceof UserError) {
            expect(isPrintable(found.message)).toBe(true);
            return;
          }
          const { pairs, photosWithoutMasks } = found as Awaited<ReturnType<typeof pairFiles>>;
          for (const path of [
            ...pairs.map(({ photo }) => photo),
            ...photosWithoutMasks.map((lone) => lone.path),
          ]) {
            expect(resolve(images, path).startsWith(images + sep)).toBe(true);
            expect(isPrintable(path)).toBe(true);
          }
        } finally {
          rmSync(folder, { recursive: true });
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('an id of a split is looked up among the samples, never made a path', () => {
  const dataset = { samples: [], numClasses: 2, classNames: [], classPixels: [], sha256: '', warnings: [] };
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.constantFrom('../../etc/passwd', '/etc/passwd', '__proto__')),
      (id) => {
        expect(() => samplesOf(dataset, [id])).toThrow(UserError);
      },
    ),
  );
});
