/** Each format of the registry, with a file of it: a new one needs a file here. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configOptions } from '@unet-fleet/law';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { containers, readPicture } from './containers.ts';
import { maskExtensionsOf, readMask } from './mask.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/masks/${name}`, import.meta.url));

const encoded = (format: 'jpeg' | 'png' | 'tiff' | 'webp' | 'gif') => async () => ({
  path: `a.${format}`,
  bytes: await sharp(Buffer.alloc(12, 255), { raw: { width: 2, height: 2, channels: 3 } })
    .toFormat(format, format === 'tiff' ? { compression: 'deflate' } : { lossless: true })
    .toBuffer(),
});
const stored = (name: string) => () => ({ path: fixture(name), bytes: readFileSync(fixture(name)) });

/** 2 x 1 pixels of 24 bits. */
function tinyBmp(): Buffer {
  const file = Buffer.alloc(62, 255);
  file.fill(0, 0, 54);
  file.write('BM');
  for (const [at, value] of [
    [2, 62],
    [10, 54],
    [14, 40],
    [18, 2],
    [22, 1],
  ] as const) {
    file.writeUInt32LE(value, at);
  }
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  return file;
}

type Made = { path: string; bytes: Uint8Array };
const samples: Record<string, () => Made | Promise<Made>> = {
  jpeg: encoded('jpeg'),
  png: encoded('png'),
  tiff: encoded('tiff'),
  webp: encoded('webp'),
  gif: encoded('gif'),
  bmp: () => ({ path: 'a.bmp', bytes: tinyBmp() }),
  npy: stored('npy-u1.npy'),
  mat: stored('mat5-uint8.mat'),
};
const limit = { maxPixels: 2 ** 20, matVariable: 'groundtruth', page: 0 };

test.each(containers.map((container) => ({ container, name: container.name })))(
  'a $name is told from the others by its bytes, and read as photo and mask',
  async ({ container, name }) => {
    const { path, bytes } = await samples[name]!();
    expect(containers.filter(({ matches }) => matches(bytes))).toEqual([container]);
    const picture = await readPicture(path, bytes, limit);
    expect(picture.container).toBe(name);
    const threshold = container.isAlwaysLossy ? 128 : 0;
    const mask = await readMask(path, bytes, { ...limit, palette: null, maskThreshold: threshold });
    expect(mask.width * mask.height).toBe(picture.width * picture.height);
  },
);

test('no two formats have a name or an extension alike', () => {
  for (const all of [
    containers.map(({ name }) => name),
    containers.flatMap(({ extensions }) => extensions),
  ]) {
    expect(new Set(all).size).toBe(all.length);
  }
});

test.each([
  ['data.images', containers.flatMap(({ extensions }) => [extensions])],
  [
    'data.masks',
    containers
      .filter(({ extensions }) =>
        extensions.every((one) => maskExtensionsOf({ maskThreshold: 0 }).includes(one)),
      )
      .map(({ extensions }) => extensions),
  ],
])('the help of %s names every format that is read', (path, extensions) => {
  const { doc } = configOptions.find((option) => option.path === path)!;
  const named = /\((.*)\)/
    .exec(doc)![1]!
    .split(', ')
    .map((words) => `.${words.split(' ').at(-1)}`);
  for (const ofOne of extensions)
    expect(
      ofOne.some((one) => named.includes(one)),
      `${ofOne}`,
    ).toBe(true);
});
