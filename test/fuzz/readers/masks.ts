/** Masks: MATLAB files of both formats, .npy, PNG and TIFF, by index and by colour. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, inflateSync } from 'node:zlib';
import { FileError, type MaskMeaning, readLabels } from '@unet-fleet/dataset';
import { matWithMask } from '@unet-fleet/dataset/sample/mat-writer';
import type { Reader, Seed } from '../reader.ts';
import { maskFixtures, pngChunk, pngSignature, withPngChecksums, words } from './files.ts';

const index: MaskMeaning = {
  matVariable: 'groundtruth',
  palette: null,
  maxPixels: 2 ** 27,
  maskThreshold: 0,
  classes: null,
  ignoredValues: new Set([-1]),
  ignored: 65_535,
};
/** Soft edges, and values of which each has a class of its own. */
const threshold: MaskMeaning = { ...index, maskThreshold: 3 };
const mapped: MaskMeaning = {
  ...index,
  classes: new Map([5, 3, 1, 0].map((value, i) => [value, i])),
  ignoredValues: new Set([2, 4]),
};
const colours: MaskMeaning = {
  ...index,
  palette: { entries: [{ color: 0x285afe, classIndex: 1, name: '' }], sha256: '' },
};

async function read(input: Uint8Array, name: string, path: string, options: MaskMeaning): Promise<void> {
  // Only the HDF5 library opens the file by itself.
  if (name.includes('mat73')) writeFileSync(path, input);
  const { width, height, labels } = await readLabels(path, input, options);
  if (!(width >= 1 && height >= 1) || labels.length !== width * height) {
    throw new Error(`${labels.length} labels for ${width} x ${height}`);
  }
}

/** One library in memory reads all HDF5 files: a damaged one must not change what it makes of the next. */
async function readAndThenAGoodOne(input: Uint8Array, { name }: Seed, folder: string): Promise<void> {
  const path = join(folder, 'work', name);
  const outcome = await read(input, name, path, index).catch((error: unknown) => error);
  const good = join(folder, 'work', 'good.mat');
  const [{ bytes }] = maskFixtures(/^mat73-uint8\.mat$/) as [Seed];
  if (numGood++ % 16 === 0) {
    writeFileSync(good, bytes);
    const { labels } = await readLabels(good, bytes, index).catch((error: Error) => {
      throw new Error(`the next good file is refused: ${error.message}`);
    });
    const text = labels.join();
    goodText ??= text;
    if (text !== goodText) throw new Error('the next good file reads as something else');
  }
  if (outcome !== undefined) throw outcome;
}

let numGood = 0;
let goodText: string | null = null;

/** What is shared by all mask readers; a palette chooses the one by colour. */
function maskReader(name: string, weight: number, fixtures: RegExp, more: Partial<Reader> = {}): Reader {
  return {
    name,
    weight,
    seeds: () => maskFixtures(fixtures),
    read: (input, seed, folder) => read(input, seed.name, join(folder, 'work', seed.name), index),
    isAnswer: (error) => error instanceof FileError,
    ...more,
  };
}

const headerBytes = 128;
const compressedType = 15;

/** The variable of a level 5 file, to be changed before it is compressed. */
function inflatedSeed({ name, bytes }: Seed): Seed[] {
  const file = Buffer.from(bytes);
  if (file.readUInt32LE(headerBytes) !== compressedType) return [];
  const end = headerBytes + 8 + file.readUInt32LE(headerBytes + 4);
  const variable = inflateSync(file.subarray(headerBytes + 8, end));
  return [{ name: `inner-${name}`, bytes: variable, wrap: (changed) => mat5(file, deflateSync(changed)) }];
}

const mat5 = (file: Buffer, compressed: Buffer): Buffer =>
  Buffer.concat([file.subarray(0, headerBytes), words(compressedType, compressed.length), compressed]);

const mat5Header = Buffer.from(matWithMask('groundtruth', Uint8Array.of(1), 1, 1)).subarray(0, headerBytes);
const named = (className: number, ...dims: number[]): Buffer =>
  Buffer.concat([
    words(6, 8, className, 0, 5, 4 * dims.length, ...dims),
    Buffer.alloc((4 * dims.length) % 8),
    words(1, 11),
    Buffer.from('groundtruth\0\0\0\0\0'),
  ]);
const matrix = (content: Buffer): Buffer => Buffer.concat([words(14, content.length), content]);

const paths = [
  'GTcls.Segmentation',
  'GTcls',
  'deep.a.b',
  'groundTruth{1}.Segmentation',
  'groundtruth',
  'bw',
  'one',
];

/** Every path is an answer or a mask: what one gives must not keep the others from theirs. */
async function readPaths(input: Uint8Array, name: string, path: string): Promise<void> {
  let answer: unknown;
  let numRead = 0;
  for (const matVariable of paths) {
    try {
      await read(input, name, path, { ...index, matVariable });
      numRead++;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      answer = error;
    }
  }
  if (numRead === 0) throw answer;
}

/** Structs and sparse matrices that claim what they do not hold. */
function hostileCompounds(): Seed[] {
  const file = (name: string, variable: Buffer): Seed => ({
    name: `${name}.mat`,
    bytes: mat5(mat5Header, deflateSync(variable)),
  });
  const [sparse, struct] = [5, 2];
  const part = (type: number, bytes: Buffer): Buffer =>
    Buffer.concat([words(type, bytes.length), bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
  const manyNames = Buffer.alloc(4_000_000, 'a');
  return [
    file(
      'sparse-claims',
      matrix(
        Buffer.concat([
          named(sparse, 11_000, 11_000),
          part(5, words(0)),
          part(5, words(0, 1)),
          part(9, Buffer.alloc(8)),
        ]),
      ),
    ),
    file(
      'sparse-outside',
      matrix(
        Buffer.concat([
          named(sparse, 2, 2),
          part(5, words(9, 9)),
          part(5, words(0, 1, 2)),
          part(9, Buffer.alloc(16)),
        ]),
      ),
    ),
    file(
      'struct-fields',
      matrix(Buffer.concat([named(struct, 1, 1), part(5, words(1)), part(1, manyNames)])),
    ),
    file(
      'struct-array',
      matrix(Buffer.concat([named(struct, 1_000, 1_000), part(5, words(8)), part(1, Buffer.alloc(8, 'a'))])),
    ),
    file(
      'struct-names',
      matrix(Buffer.concat([named(struct, 1, 1), part(5, words(0)), part(1, Buffer.alloc(8))])),
    ),
  ];
}

function hostileMat5(): Seed[] {
  const file = (name: string, variable: Buffer): Seed => ({
    name: `${name}.mat`,
    bytes: mat5(mat5Header, deflateSync(variable)),
  });
  const cells = Buffer.alloc(8 * 2_000_000);
  for (let at = 0; at < cells.length; at += 8) cells.writeUInt32LE(14, at);
  let nested: Buffer = named(1, 1, 1);
  for (let depth = 0; depth < 2_000; depth++) nested = Buffer.concat([named(1, 1, 1), matrix(nested)]);
  const zeros = Buffer.alloc(64 * 2 ** 20);
  return [
    file('million-cells', matrix(Buffer.concat([named(1, 1, 2_000_000), cells]))),
    file('nested-cells', matrix(nested)),
    file('small-claim-much-data', matrix(Buffer.concat([named(9, 1, 1), words(2, zeros.length), zeros]))),
    file('large-claim', Buffer.concat([words(14, 2 ** 30), named(6, 11_000, 11_000), words(9, 968_000_000)])),
    file('many-dimensions', matrix(named(9, ...Array<number>(32).fill(65_536)))),
  ];
}

const npyHeader = (text: string, version = 1): Buffer => {
  const start = Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, 'latin1');
  const length = version === 1 ? Buffer.alloc(2) : Buffer.alloc(4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  return Buffer.concat([start, length, Buffer.from(text)]);
};

const hostileNpy = (): Seed[] => [
  {
    name: 'shape.npy',
    bytes: npyHeader("{'descr': '<f8', 'fortran_order': False, 'shape': (900000, 900000), }"),
  },
  {
    name: 'ones.npy',
    bytes: npyHeader(`{'descr': '|u1', 'fortran_order': False, 'shape': (${'1,'.repeat(120_000)}1, 1), }`, 2),
  },
  {
    name: 'digits.npy',
    bytes: npyHeader(`{'descr': '|u1', 'fortran_order': False, 'shape': (${'9'.repeat(60_000)}, 1), }`),
  },
  { name: 'keys.npy', bytes: npyHeader(`${"'shape' ".repeat(30_000)}`, 2) },
  {
    name: 'quadratic.npy',
    bytes: npyHeader(`{'descr': '<u1', 'shape'${' '.repeat(200_000)}`, 2),
  },
];

const pngHeader = (width: number, height: number, depth: number, type: number): Buffer => {
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, depth, type, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  return pngChunk('IHDR', header);
};

function hostilePng(): Seed[] {
  const end = pngChunk('IEND', Buffer.alloc(0));
  const idat = (numBytes: number) => pngChunk('IDAT', deflateSync(Buffer.alloc(numBytes)));
  const png = (name: string, ...chunks: Buffer[]): Seed => ({
    name: `${name}.png`,
    bytes: Buffer.concat([pngSignature, ...chunks, end]),
  });
  const [small, large] = [pngHeader(4, 4, 8, 0), pngHeader(11_000, 11_000, 16, 6)];
  return [
    png('large-claim', large, idat(100)),
    png('second-header', small, large, idat(20)),
    png('header-after-data', small, idat(20), large),
    png('bomb', small, idat(64 * 2 ** 20)),
    png('text-bomb', small, pngChunk('iCCP', deflateSync(Buffer.alloc(64 * 2 ** 20))), idat(20)),
    png('million-chunks', small, ...Array<Buffer>(20_000).fill(pngChunk('IDAT', Buffer.alloc(0))), idat(20)),
    png('palettes', small, ...Array<Buffer>(300).fill(pngChunk('PLTE', Buffer.alloc(768))), idat(20)),
  ];
}

/** A little-endian TIFF of one directory; entries are [tag, type, count, value]. */
function tiff(name: string, entries: [number, number, number, number][], tail = Buffer.alloc(64)): Seed {
  const directory = Buffer.alloc(2 + 12 * entries.length + 4);
  directory.writeUInt16LE(entries.length, 0);
  for (const [i, [tag, type, count, value]] of entries.entries()) {
    directory.writeUInt16LE(tag, 2 + 12 * i);
    directory.writeUInt16LE(type, 4 + 12 * i);
    directory.writeUInt32LE(count, 6 + 12 * i);
    directory.writeUInt32LE(value, 10 + 12 * i);
  }
  return { name: `${name}.tif`, bytes: Buffer.concat([words(0x002a4949, 8), directory, tail]) };
}

const tiffImage = (width: number, height: number, more: [number, number, number, number][] = []) =>
  [
    [256, 4, 1, width],
    [257, 4, 1, height],
    [258, 3, 1, 8],
    [259, 3, 1, 1],
    [262, 3, 1, 1],
    [273, 4, 1, 8],
    [277, 3, 1, 1],
    [278, 4, 1, height],
    [279, 4, 1, 16],
    ...more,
  ] as [number, number, number, number][];

const hostileTiff = (): Seed[] => [
  tiff('large-claim', tiffImage(11_000, 11_000)),
  tiff('one-row-strips', tiffImage(1, 2 ** 27, [[278, 4, 1, 1]])),
  tiff('huge-samples', tiffImage(4, 4, [[277, 3, 1, 65_535]])),
  tiff(
    'many-bits',
    tiffImage(4, 4).map((entry) => (entry[0] === 258 ? [258, 3, 1, 65_535] : entry)),
  ),
  tiff('tile', [
    ...tiffImage(4, 4),
    [322, 4, 1, 2 ** 30],
    [323, 4, 1, 2 ** 30],
    [324, 4, 1, 8],
    [325, 4, 1, 16],
  ]),
  tiff('count', tiffImage(4, 4, [[270, 2, 2 ** 31, 8]])),
  tiff('unknown-type', tiffImage(4, 4, [[271, 99, 2 ** 31, 8]])),
  tiff('directory', Array<[number, number, number, number]>(20_000).fill([270, 2, 4, 0])),
  { name: 'loop.tif', bytes: Buffer.concat([words(0x002a4949, 8), Buffer.from([0, 0]), words(8)]) },
];

const colourSeeds = /^colours\.(png|tif)$|^png-(palette8|grey8|grey-alpha)\.png$/;

export const maskReaders: Reader[] = [
  maskReader('mat5', 1, /^(mat5|binary-mat5).*\.mat$/, {
    seeds: () => {
      const files = maskFixtures(/^(mat5-(?!among)|binary-mat5).*\.mat$/);
      const labels = Uint8Array.from({ length: 48 }, (_, i) => i % 5);
      files.push({ name: 'writer.mat', bytes: matWithMask('groundtruth', labels, 8, 6) });
      return [...files, ...files.flatMap(inflatedSeed)];
    },
    hostile: hostileMat5,
  }),
  maskReader('mat5-paths', 0.5, /^nested-(mat5|cells)\.mat$/, {
    seeds: () => {
      const files = maskFixtures(/^(nested-(mat5|cells)|binary-sparse)\.mat$/);
      return [...files, ...files.flatMap(inflatedSeed)];
    },
    read: (input, seed, folder) => readPaths(input, seed.name, join(folder, 'work', seed.name)),
    hostile: hostileCompounds,
  }),
  maskReader('mat73-paths', 0.1, /^nested-mat73\.mat$/, {
    read: (input, seed, folder) => readPaths(input, seed.name, join(folder, 'work', seed.name)),
  }),
  maskReader('mat73', 0.2, /^(mat73|binary-mat73).*\.mat$/, { read: readAndThenAGoodOne }),
  maskReader('npy', 1, /\.npy$/, { hostile: hostileNpy }),
  maskReader('png-mask', 1, /^(png-|binary-png)/, {
    seeds: () => {
      const files = maskFixtures(/^(png-|binary-png)/);
      return [...files, ...files.map((seed) => ({ ...seed, wrap: withPngChecksums }))];
    },
    hostile: hostilePng,
  }),
  maskReader('tiff-mask', 1, /^(tiff-|binary-tiff)/, { hostile: hostileTiff }),
  maskReader('mask-values', 0.5, /^(npy-|tiff-(?!palette)|png-(?!palette))/, {
    read: async (input, seed, folder) => {
      const path = join(folder, 'work', seed.name);
      await read(input, seed.name, path, threshold);
      await read(input, seed.name, path, mapped);
    },
  }),
  maskReader('colour-mask', 0.2, colourSeeds, {
    read: (input, seed, folder) => read(input, seed.name, join(folder, 'work', seed.name), colours),
    hostile: () => [...hostilePng(), ...hostileTiff()],
    seeds: () => {
      const files = maskFixtures(colourSeeds);
      const pngs = files.filter(({ name }) => name.endsWith('.png'));
      return [...files, ...pngs.map((seed) => ({ ...seed, wrap: withPngChecksums }))];
    },
  }),
];
