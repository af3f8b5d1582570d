import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture, folderWith } from '../../test-support/folders.ts';
import { matWithMask } from '../sample/mat-writer.ts';
import { FileError } from './file-error.ts';
import { readLabels } from './labels.ts';
import { readMask } from './mask.ts';
import { readPalette } from './palette.ts';
import { NO_VALUE } from './raster.ts';

const folder = fixture('masks');
const expected = Array.from({ length: 35 }, (_, i) => (3 * Math.floor(i / 7) + (i % 7)) % 6);
const options = {
  matVariable: 'groundtruth',
  palette: null,
  maxPixels: 2 ** 27,
  maskThreshold: 0,
};
const read = (path: string, bytes: Uint8Array = readFileSync(path)) => readMask(path, bytes, options);
const refused = /^(nested|complex|three|short|colours|names)/;
const files = readdirSync(folder).sort();

describe('every mask format', () => {
  it.each(files.filter((name) => !refused.test(name)))('%s', async (name) => {
    const mask = await read(join(folder, name));
    expect([mask.width, mask.height]).toEqual([7, 5]);
    const values = name.startsWith('binary') ? expected.map((value) => Number(value > 2)) : expected;
    expect(Array.from(mask.values)).toEqual(values);
    expect(mask.strange).toEqual([]);
    const small = readMask(join(folder, name), readFileSync(join(folder, name)), {
      ...options,
      maxPixels: 34,
    });
    await expect(small).rejects.toThrow(/35 (pixels|values), more than the 34 that are read; --max-pixels/);
  });

  it.each(['colours.png', 'colours.tif', 'png-palette8.png'])('%s by the palette file', async (name) => {
    const palette = await readPalette(fixture('palette.txt'));
    const path = join(folder, name);
    const mask = await readMask(path, readFileSync(path), { ...options, palette });
    expect(Array.from(mask.values)).toEqual(expected);
  });

  it('reads big-endian level 5 files', async () => {
    const mask = await read('be.mat', bigEndianMat('groundtruth', [1, 2, 3, 4, 5, 300], 2, 3));
    expect(Array.from(mask.values)).toEqual([1, 3, 5, 2, 4, 300]);
  });

  it.each([
    ['nested-mat5.mat', 'GTcls.Segmentation', false],
    ['nested-mat5.mat', 'GTcls.Boundaries', true],
    ['nested-mat5.mat', 'deep.a.b', false],
    ['nested-cells.mat', 'groundTruth{1}.Segmentation', false],
    ['nested-cells.mat', 'groundTruth{2}.Segmentation', true],
    ['nested-cells.mat', 'groundtruth', false],
    ['nested-cells.mat', 'groundtruth{1}', false],
    ['nested-mat73.mat', 'GTcls.Segmentation', false],
    ['nested-mat73.mat', 'GTcls.deep.mask', false],
    ['nested-mat73.mat', 'bw', true],
    ['nested-mat73.mat', 'one', false],
  ])('%s %s', async (name, matVariable, isBinary) => {
    const path = join(folder, name);
    const mask = await readMask(path, readFileSync(path), { ...options, matVariable });
    expect(Array.from(mask.values)).toEqual(isBinary ? expected.map((value) => Number(value > 2)) : expected);
  });

  it.each([
    ['nested-mat5.mat', 'groundtruth'],
    ['nested-mat5.mat', 'GTcls'],
    ['nested-mat5.mat', 'GTcls.Mask'],
    ['nested-mat5.mat', 'deep.a'],
    ['nested-cells.mat', 'mask'],
    ['nested-cells.mat', 'groundTruth'],
    ['nested-cells.mat', 'groundTruth{9}.Segmentation'],
    ['nested-mat73.mat', 'groundtruth'],
    ['nested-mat73.mat', 'GTcls'],
    ['short-name.mat', 'groundtruth'],
  ])('%s %s: every variable that the message names can be read', async (name, matVariable) => {
    const path = join(folder, name);
    const readAs = (wanted: string) =>
      readMask(path, readFileSync(path), { ...options, matVariable: wanted });
    const { message } = await readAs(matVariable).then(
      () => new Error('nothing'),
      (error: Error) => error,
    );
    const [, advice = ''] = /(?:--mat-variable: |; there is )([^;]*)\.$/.exec(message) ?? [];
    const named = [...advice.matchAll(/(\S+) \(/g)].map(([, path]) => path as string);
    expect(named.length, message).toBeGreaterThan(0);
    for (const path of named) expect((await readAs(path)).values).toHaveLength(35);
  });

  it('keeps 16-bit labels', async () => {
    const npy = npyFile("'<u2'", '(1, 3)', Buffer.from(Uint16Array.of(0, 256, 65535).buffer));
    expect(Array.from((await read('a.npy', npy)).values)).toEqual([0, 256, 65535]);
  });

  it('counts values that are no whole number', async () => {
    const npy = npyFile("'<f8'", '(2, 2)', Buffer.from(Float64Array.of(1, -1, 0.5, -1).buffer));
    const mask = await read('a.npy', npy);
    expect(mask.strange).toEqual([{ value: '0.5', numPixels: 1 }]);
    expect(Array.from(mask.values)).toEqual([1, -1, NO_VALUE, -1]);
  });

  it('counts colours that the palette lacks, a bounded number of them by name', async () => {
    const path = join(folder, 'colours.png');
    const palette = { entries: [{ color: 0x0000ff, classIndex: 0, name: '' }], sha256: '' };
    const { strange } = await readMask(path, readFileSync(path), { ...options, palette });
    expect(strange).toHaveLength(5);
    expect(strange[0]).toEqual({
      value: '#285afe',
      numPixels: expected.filter((value) => value === 1).length,
    });
  });

  it('gives back what the .mat writer wrote', async () => {
    const size = fc.integer({ min: 1, max: 12 });
    await fc.assert(
      fc.asyncProperty(size, size, fc.infiniteStream(fc.nat(255)), async (width, height, stream) => {
        const labels = Uint8Array.from({ length: width * height }, () => stream.next().value as number);
        const mask = await read('a.mat', matWithMask('groundtruth', labels, width, height));
        expect([mask.width, mask.height]).toEqual([width, height]);
        expect(mask.values).toEqual(labels);
      }),
    );
  });
});

describe('messages', () => {
  const message = async (name: string, bytes?: Uint8Array) => {
    const meaning = { ...options, classes: null, ignoredValues: new Set([-1]), ignored: 65_535 };
    const content = bytes ?? readFileSync(name);
    const error = await readLabels(name, content, meaning).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(FileError);
    return (error as FileError).message;
  };

  it('names the variables that are there', async () => {
    const path = join(folder, 'mat5-among-others.mat');
    const error = await readMask(path, readFileSync(path), { ...options, matVariable: 'mask' }).catch(String);
    expect(error).toContain(
      'it has no variable "mask"; there is a (double 1 x 3), note (char 1 x 5), s (struct 1 x 1), groundtruth (uint8 5 x 7); name one with --mat-variable',
    );
    expect(await message(join(folder, 'short-name.mat'))).toContain('there is gt (uint8 5 x 7)');
    const hdf5 = join(folder, 'binary-mat73.mat');
    const other = await readMask(hdf5, readFileSync(hdf5), { ...options, matVariable: 'mask' }).catch(String);
    expect(other).toContain('there is groundtruth (logical 5 x 7), settings (struct)');
  });

  it.each([
    ['complex.mat', 'groundtruth is complex'],
    ['three-dimensions.mat', 'it has 2 channels, where one class index per pixel is needed'],
    ['colours.png', 'has colours, not class indices; name its palette file with --palette'],
    ['colours.tif', 'has colours, not class indices; name its palette file with --palette'],
  ])('%s', async (name, sentence) => {
    expect(await message(join(folder, name))).toContain(sentence);
  });

  it('tells a file that is no mask at all', async () => {
    const text = Buffer.from('this is no mask, whatever its name says'.repeat(9));
    expect(await message('a.png', text)).toBe(
      'Cannot read a.png: it is no PNG file, or damaged at its start.',
    );
    expect(await message('a.tif', text)).toBe(
      'Cannot read a.tif: it is no TIFF file, or damaged at its start.',
    );
    expect(await message('a.npy', text)).toBe(
      'Cannot read a.npy: it is no .npy file, or damaged at its start.',
    );
    expect(await message('a.mat', text)).toBe(
      'Cannot read a.mat: it is no MATLAB file of level 5 or 7.3, or damaged at its start.',
    );
    expect(await message('a.gif', text)).toBe(
      'Cannot read a.gif: it is no GIF file, or damaged at its start.',
    );
    expect(await message('a.bmp', text)).toBe(
      'Cannot read a.bmp: it is no BMP file, or damaged at its start.',
    );
    expect(await message('a.jpg', text)).toContain(
      'masks are .png, .tif, .tiff, .webp, .gif, .bmp, .dib, .npy, .mat, not .jpg',
    );
  });

  it('names the type of an .npy file that holds no numbers', async () => {
    expect(await message('a.npy', npyFile("'|O'", '(2, 2)', Buffer.alloc(4)))).toContain("its type is '|O'");
    expect(await message('a.npy', npyFile("'|u1'", '(2, 2, 3)', Buffer.alloc(12)))).toContain(
      'its shape is (2, 2, 3)',
    );
  });
});

describe('damaged and hostile files', () => {
  /** TIFF and HDF5 may have unused bytes at their end, so the cut goes deeper than that. */
  it.each(files)('%s cut short is refused', async (name) => {
    const bytes = readFileSync(join(folder, name));
    for (let share = 0; share < 10; share++) {
      const part = bytes.subarray(0, Math.floor((bytes.length * share) / 14));
      const path = join(folderWith({ [name]: part }), name);
      await expect(read(path, part), `${share}/14`).rejects.toBeInstanceOf(FileError);
    }
  });

  it('ends in a mask or an error, whatever bytes are flipped', async () => {
    const flips = fc.array(
      fc.record({ at: fc.double({ min: 0, max: 0.999, noNaN: true }), value: fc.nat(255) }),
      {
        minLength: 1,
        maxLength: 4,
      },
    );
    const names = files.filter((name) => !name.startsWith('mat73') && !name.startsWith('names'));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), flips, async (name, changes) => {
        const bytes = Buffer.from(readFileSync(join(folder, name)));
        for (const { at, value } of changes) bytes[Math.floor(at * bytes.length)] = value;
        const error = await read(join('nowhere', name), bytes).catch((caught: unknown) => caught);
        if (error instanceof Error) expect(error).toBeInstanceOf(FileError);
      }),
      { numRuns: 500 },
    );
  });

  it('does not believe a claim of many pixels', async () => {
    const npy = npyFile("'|u1'", '(900000, 900000)', Buffer.alloc(8));
    await expect(read('a.npy', npy)).rejects.toThrow('the file ends early');
    await expect(read('a.png', png(60_000, 60_000, Buffer.alloc(9)))).rejects.toThrow(
      'more than the 4194304 that a file of 68 bytes is believed to hold',
    );
  });

  it('does not inflate a bomb', async () => {
    const zeros = Buffer.alloc(20_000_000);
    await expect(read('a.png', png(8, 8, zeros))).rejects.toThrow(
      'compressed data is larger than its header says',
    );
    // A .mat whose compressed part says that it holds 64 bytes.
    const tag = Buffer.from(Uint32Array.of(14, 64).buffer);
    const compressed = deflateSync(Buffer.concat([tag, mat5Header(1, 1), zeros]));
    const bomb = Buffer.concat([
      mat5Start('IM'),
      Buffer.from(Uint32Array.of(15, compressed.length).buffer),
      compressed,
    ]);
    await expect(read('a.mat', bomb)).rejects.toThrow('compressed data is larger than its header says');
    tag.writeUInt32LE(0xfffffff0, 4);
    const boast = deflateSync(Buffer.concat([tag, mat5Header(1, 1)]));
    const liar = Buffer.concat([
      mat5Start('IM'),
      Buffer.from(Uint32Array.of(15, boast.length).buffer),
      boast,
    ]);
    await expect(read('a.mat', liar)).rejects.toThrow('a variable claims 4294967280 bytes');
  });
});

function npyFile(descr: string, shape: string, data: Buffer): Buffer {
  const header = `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }\n`;
  const start = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header), data]);
}

function png(width: number, height: number, raw: Buffer): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(Buffer.concat([Buffer.from(type), data])));
    return Buffer.concat([length, Buffer.from(type), data, sum]);
  };
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const parts = [chunk('IHDR', header), chunk('IDAT', deflateSync(raw)), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([signature, ...parts]);
}

function mat5Start(mark: 'IM' | 'MI'): Buffer {
  const start = Buffer.alloc(128, ' ');
  start.fill(0, 116);
  start.write(mark, 126);
  return start;
}

/** Flags, dimensions and the name "groundtruth" of a uint8 matrix, little-endian. */
function mat5Header(height: number, width: number): Buffer {
  const words = Uint32Array.of(6, 8, 9, 0, 5, 8, height, width, 1, 11);
  return Buffer.concat([Buffer.from(words.buffer), Buffer.from('groundtruth\0\0\0\0\0')]);
}

/** An uncompressed uint16 matrix of a big-endian machine; values by column. */
function bigEndianMat(name: string, values: number[], height: number, width: number): Buffer {
  const element = (type: number, data: Buffer) => {
    const tag = Buffer.alloc(8);
    tag.writeUInt32BE(type, 0);
    tag.writeUInt32BE(data.length, 4);
    return Buffer.concat([tag, data, Buffer.alloc((8 - (data.length % 8)) % 8)]);
  };
  const words = (list: number[]) => Buffer.from(Uint32Array.from(list).buffer).swap32();
  const content = [
    element(6, words([11, 0])),
    element(5, words([height, width])),
    element(1, Buffer.from(name)),
    element(4, Buffer.from(Uint16Array.from(values).buffer).swap16()),
  ];
  return Buffer.concat([mat5Start('MI'), element(14, Buffer.concat(content))]);
}
