/** Inputs that once hung a reader, exhausted its memory, or made it say what nobody understands: found by fuzzing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { isPrintable } from '@unet-fleet/law';
import { describe, expect, it } from 'vitest';
import { fixture, folderWith } from '../../test-support/folders.ts';
import { readClassNames } from './class-names.ts';
import { FileError } from './file-error.ts';
import { readMask } from './mask.ts';
import { readPalette } from './palette.ts';
import { examinePhoto } from './photo.ts';

const options = {
  matVariable: 'groundtruth',
  palette: null,
  maxPixels: 2 ** 27,
  maskThreshold: 0,
};
const palette = { entries: [{ color: 0, classIndex: 0, name: '' }], sha256: '' };

async function refusal(job: Promise<unknown>): Promise<string> {
  const error = await job.then(
    () => null,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(FileError);
  const { message } = error as FileError;
  expect(isPrintable(message), message).toBe(true);
  expect(message.length).toBeLessThan(1000);
  return message;
}
const refusedMask = (name: string, bytes: Uint8Array) => refusal(readMask(name, bytes, options));

const words = (...values: number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer);
const tagged = (type: number, data: Buffer): Buffer =>
  Buffer.concat([words(type, data.length), data, Buffer.alloc((8 - (data.length % 8)) % 8)]);

describe('.mat of level 5', () => {
  const start = Buffer.alloc(128, ' ');
  start.fill(0, 116);
  start.write('IM', 126);
  const header = (className: number, height: number, width: number, name = 'groundtruth') =>
    Buffer.concat([words(6, 8, className, 0), words(5, 8, height, width), tagged(1, Buffer.from(name))]);
  const file = (...variables: Buffer[]) => Buffer.concat([start, ...variables]);
  const packed = (variable: Buffer) => {
    const compressed = deflateSync(variable);
    return Buffer.concat([words(15, compressed.length), compressed]);
  };

  it('a cell array of millions of empty cells', async () => {
    const cells = Buffer.alloc(8 * 2_000_000);
    for (let at = 0; at < cells.length; at += 8) cells.writeUInt32LE(14, at);
    const variable = tagged(14, Buffer.concat([header(1, 1, 2_000_000), cells]));
    expect(await refusedMask('a.mat', file(packed(variable)))).toContain('more than 65536 cells');
    expect(await refusedMask('a.mat', file(variable))).toContain('more than 65536 cells');
  });

  it('cell arrays within cell arrays', async () => {
    let nested = header(1, 1, 1);
    for (let depth = 0; depth < 20; depth++) nested = Buffer.concat([header(1, 1, 1), tagged(14, nested)]);
    expect(await refusedMask('a.mat', file(tagged(14, nested)))).toContain('is no numeric array');
  });

  it('a variable that claims more than its dimensions need', async () => {
    const zeros = Buffer.alloc(2 ** 24);
    const variable = tagged(14, Buffer.concat([header(9, 5, 7), tagged(2, zeros)]));
    expect(await refusedMask('a.mat', file(packed(variable)))).toContain(
      'groundtruth (uint8 5 x 7) may have',
    );
  });

  it('thousands of variables, and names that a terminal would obey', async () => {
    const variable = tagged(14, header(6, 0, 0, '\u001b]0;owned\u0007'));
    expect(await refusedMask('a.mat', file(variable))).toContain('there is \\u001b]0;owned\\u0007 (double');
    const many = file(...Array<Buffer>(5000).fill(variable));
    expect(await refusedMask('a.mat', many)).toContain('more than 4096 variables');
  });
});

describe('.mat of level 7.3', () => {
  /** A fixture with some of its 8-byte numbers set, which its library needs on disk. */
  const changed = (name: string, numbers: Record<number, number>) => {
    const bytes = readFileSync(fixture(`masks/${name}`));
    for (const [at, value] of Object.entries(numbers)) bytes.writeBigUInt64LE(BigInt(value), Number(at));
    const path = join(folderWith({ [name]: bytes }), name);
    return { path, bytes };
  };

  it('a few kilobytes that claim a gigabyte, which was never written', async () => {
    const dims = { 1344: 11_000, 1352: 11_000, 1360: 11_000, 1368: 11_000 };
    const { path, bytes } = changed('mat73-double.mat', dims);
    expect(await refusedMask(path, bytes)).toContain('claims more values than a file of its size holds');
  });

  it('a cell array whose cells are itself', async () => {
    const itself = 1832;
    const { path } = changed('names-mat73.mat', { 3224: itself, 3232: itself, 3240: itself, 3248: itself });
    expect(await refusal(readClassNames(path))).toContain('is no text');
  });
});

describe('.npy', () => {
  const npy = (header: string) => {
    const start = Buffer.from('\x93NUMPY\x02\0\0\0\0\0', 'latin1');
    start.writeUInt32LE(header.length, 8);
    return Buffer.concat([start, Buffer.from(header, 'latin1')]);
  };
  const shaped = (shape: string) => npy(`{'descr': '|u1', 'fortran_order': False, 'shape': (${shape}), }`);

  it('a shape of very many or very long numbers', async () => {
    expect(await refusedMask('a.npy', shaped('1,'.repeat(100_000)))).toContain('a header of 2000');
    expect(await refusedMask('a.npy', shaped('1,'.repeat(1000)))).toContain('1000 dimensions');
    expect(await refusedMask('a.npy', shaped(`${'9'.repeat(400)}, 0`))).toContain('no list of numbers');
  });

  it('a type that a terminal would obey', async () => {
    expect(await refusedMask('a.npy', npy("{'descr': '\u001b[2J', 'shape': (1, 1)}"))).toContain(
      '\\u001b[2J',
    );
  });
});

describe('PNG', () => {
  it('a second header, which the decoder would believe', async () => {
    const chunk = (type: string, data: Buffer) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(data.length);
      const sum = Buffer.alloc(4);
      sum.writeUInt32BE(crc32(Buffer.concat([Buffer.from(type), data])));
      return Buffer.concat([length, Buffer.from(type), data, sum]);
    };
    const header = (size: number) => {
      const data = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0]);
      data.writeUInt32BE(size, 0);
      data.writeUInt32BE(size, 4);
      return chunk('IHDR', data);
    };
    const signature = Buffer.from('89504e470d0a1a0a', 'hex');
    const pixels = chunk('IDAT', deflateSync(Buffer.alloc(20)));
    const end = chunk('IEND', Buffer.alloc(0));
    const bytes = Buffer.concat([signature, header(4), header(30_000), pixels, end]);
    expect(await refusedMask('a.png', bytes)).toContain('more than one PNG header');
  });
});

describe('TIFF', () => {
  type Entry = [tag: number, type: number, count: number, value: number];
  const tiff = (entries: Entry[], tail = Buffer.alloc(64)) => {
    const directory = Buffer.alloc(2 + 12 * entries.length + 4);
    directory.writeUInt16LE(entries.length, 0);
    for (const [i, [tag, type, count, value]] of entries.entries()) {
      directory.writeUInt16LE(tag, 2 + 12 * i);
      directory.writeUInt16LE(type, 4 + 12 * i);
      directory.writeUInt32LE(count, 6 + 12 * i);
      directory.writeUInt32LE(value, 10 + 12 * i);
    }
    return Buffer.concat([words(0x002a4949, 8), directory, tail]);
  };
  const image = (...more: Entry[]): Entry[] => {
    const tags: Entry[] = [
      [256, 4, 1, 4],
      [257, 4, 1, 4],
      [258, 3, 1, 8],
      [259, 3, 1, 1],
      [262, 3, 1, 1],
      [273, 4, 1, 8],
      [277, 3, 1, 1],
      [278, 4, 1, 4],
      [279, 4, 1, 16],
    ];
    const changed = new Set(more.map(([tag]) => tag));
    return [...tags.filter(([tag]) => !changed.has(tag)), ...more];
  };

  it('is read with the tags that matter, whatever others claim', async () => {
    const exif: Entry = [0x8769, 4, 1, 8];
    const huge: Entry = [0x9286, 7, 2 ** 31, 8];
    const mask = await readMask('a.tif', tiff(image(exif, huge)), options);
    expect([mask.width, mask.height]).toEqual([4, 4]);
  });

  it.each<[string, Entry[], string]>([
    ['thousands of values per pixel', image([277, 3, 1, 65_535]), 'it has 65535 values per pixel'],
    ['an unknown width of numbers', image([258, 3, 1, 24]), 'it has values of 24 bits, which are not read'],
    ['no meaning of its values', image().filter(([tag]) => tag !== 262), 'does not say what its values mean'],
    [
      'a tile of a billion pixels',
      image([322, 4, 1, 32_768], [323, 4, 1, 32_768], [324, 4, 1, 8], [325, 4, 1, 16]),
      'no rows',
    ],
    ['a tag twice', [...image(), [256, 4, 1, 4]], 'tag 256 is there twice'],
    [
      'a hundred bytes that claim 121 million pixels',
      image([256, 4, 1, 11_000], [257, 4, 1, 11_000]),
      'more than the 6094848 that a file of 186 bytes is believed to hold',
    ],
  ])('%s', async (_, entries, sentence) => {
    expect(await refusedMask('a.tif', tiff(entries))).toContain(sentence);
  });
});

describe('photos', () => {
  it('a drawing that would be drawn for hours, whatever its name says', async () => {
    let groups = '<g id="a0"><rect width="1" height="1"/></g>';
    for (let level = 1; level < 10; level++) {
      groups += `<g id="a${level}">${`<use href="#a${level - 1}"/>`.repeat(10)}</g>`;
    }
    const svg = Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><defs>${groups}</defs><use href="#a9"/></svg>`,
    );
    expect(await refusal(examinePhoto('a.jpg', svg, options))).toContain('it is no JPEG file');
    expect(await refusal(readMask('a.png', svg, { ...options, palette }))).toContain('it is no PNG file');
  });
});

describe('lists', () => {
  const listIn = (name: string, content: string) => join(folderWith({ [name]: content }), name);
  const deep = '['.repeat(50_000) + ']'.repeat(50_000);

  it.each(['#000000', '1 1 1'])('a palette line that took quadratic time: %s', async (color) => {
    const text = `${color}${' '.repeat(500_000)}a\u2028b`;
    expect(await refusal(readPalette(listIn('p.txt', text)))).toContain('line break or control character');
  });

  it.each([
    ['#000000 a\u2028b', 'line break or control character'],
    ['#000000 a\n\u001b[2J', 'line 2 is "\\u001b[2J"'],
    [`#000000 ${'a'.repeat(300)}`, 'a name of 300 characters'],
    [`[{"color": "#000000", "class": ${deep}}]`, 'which is no index'],
    [`[{"color": ${deep}}]`, 'has no color'],
    ['[{"color": {"toString": 1}}]', 'has no color'],
    ['[{"color": "#000000", "name": {"a": 1}}]', 'a name that is no text'],
    [
      Array.from({ length: 65_600 }, (_, i) => `#${i.toString(16).padStart(6, '0')}`).join('\n'),
      'more than 65534',
    ],
  ])('a palette: %.30s', async (text, sentence) => {
    expect(await refusal(readPalette(listIn('p.txt', text)))).toContain(sentence);
  });

  it.each([
    ['a.txt', 'a\n\u001b]0;owned\u0007', 'name 2 has a line break or control character'],
    ['a.json', '["a", "b\\nc"]', 'name 2 has a line break'],
    ['a.txt', `a\n${'b'.repeat(1000)}`, 'a name of 1000 characters'],
    ['a.txt', 'a\n'.repeat(70_000), 'it names 70000 classes'],
  ])('class names in %s: %.20s', async (name, text, sentence) => {
    expect(await refusal(readClassNames(listIn(name, text)))).toContain(sentence);
  });

  it('a file that is no list but a device or a film', async () => {
    await expect(readPalette('/dev/zero')).rejects.toThrow('/dev/zero has more than the 1048576 bytes');
    await expect(readClassNames('/dev/zero')).rejects.toThrow('/dev/zero has more than the 1048576 bytes');
  });
});
