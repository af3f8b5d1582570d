/** Photos, through sharp and by the readers that masks have too: the formats that are read, and formats that only look like them. */
import { FileError } from '@unet-fleet/dataset';
import { decodePhoto, examinePhoto } from '@unet-fleet/dataset/readers/photo';
import sharp from 'sharp';
import type { Reader, Seed } from '../reader.ts';
import { withPngChecksums } from './files.ts';
import { maskReaders } from './masks.ts';

async function photos(): Promise<Seed[]> {
  const noise = Buffer.from(Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 7919) % 251));
  const image = () => sharp(noise, { raw: { width: 40, height: 30, channels: 3 } });
  const seeds: Seed[] = [
    { name: 'a.jpg', bytes: await image().withMetadata({ orientation: 6 }).jpeg().toBuffer() },
    { name: 'progressive.jpg', bytes: await image().jpeg({ progressive: true }).toBuffer() },
    { name: 'a.png', bytes: await image().png({ palette: true }).toBuffer() },
    { name: 'a.webp', bytes: await image().webp().toBuffer() },
    { name: 'lossless.webp', bytes: await image().webp({ lossless: true }).toBuffer() },
    { name: 'deflate.tif', bytes: await image().tiff({ compression: 'deflate' }).toBuffer() },
    { name: 'jpeg.tif', bytes: await image().tiff({ compression: 'jpeg' }).toBuffer() },
    { name: 'packbits.tif', bytes: await image().tiff({ compression: 'packbits' }).toBuffer() },
    { name: 'tile.tif', bytes: await image().tiff({ tile: true, compression: 'lzw' }).toBuffer() },
  ];
  const deep = sharp(
    Uint16Array.from(noise, (value) => value * 200),
    {
      raw: { width: 40, height: 30, channels: 3 },
    },
  ).toColourspace('rgb16');
  const stored = await deep.clone().tiff({ compression: 'none' }).toBuffer();
  seeds.push(
    { name: 'deep.png', bytes: await deep.clone().png().toBuffer() },
    { name: 'deep.tif', bytes: stored },
    {
      name: 'deep-lzw.tif',
      bytes: await deep.clone().tiff({ compression: 'lzw', predictor: 'horizontal' }).toBuffer(),
    },
    {
      name: 'deep-tile.tif',
      bytes: await deep.clone().tiff({ tile: true, compression: 'deflate' }).toBuffer(),
    },
    { name: 'a.gif', bytes: await image().gif().toBuffer() },
    { name: 'interlaced.gif', bytes: await image().gif({ interFrameMaxError: 0, colours: 4 }).toBuffer() },
    ...bmpSeeds(),
    { name: 'a.npy', bytes: npy("{'descr': '<f4', 'fortran_order': True, 'shape': (6, 5, 3), }", 360) },
  );
  const pngs = seeds.filter(({ name }) => name.endsWith('.png'));
  return [...seeds, ...pngs.map((seed) => ({ ...seed, wrap: withPngChecksums }))];
}

/** Palettes of 1, 4 and 8 bits, run lengths and colours, with the rows of a picture of 12 x 8 pixels. */
function bmpSeeds(): Seed[] {
  const bmp = (name: string, bits: number, compression: number, data: Buffer): Seed => {
    const numColors = bits <= 8 ? 2 ** bits : 0;
    const header = Buffer.alloc(54 + 4 * numColors, 7);
    header.write('BM');
    header.writeUInt32LE(header.length, 10);
    for (const [at, value] of [
      [14, 40],
      [18, 12],
      [22, 8],
      [30, compression],
      [34, data.length],
      [46, numColors],
    ] as const) {
      header.writeUInt32LE(value, at);
    }
    header.writeUInt16LE(1, 26);
    header.writeUInt16LE(bits, 28);
    return { name: `${name}.bmp`, bytes: Buffer.concat([header, data]) };
  };
  const rows = (bits: number) =>
    Buffer.from(Uint8Array.from({ length: 4 * Math.ceil((12 * bits) / 32) * 8 }, (_, i) => (i * 37) % 256));
  const runs = Buffer.from(Array.from({ length: 8 }, (_, y) => [8, y, 0, 3, 1, 2, 3, 0, 1, y, 0, 0]).flat());
  return [
    ...[1, 4, 8, 16, 24, 32].map((bits) => bmp(`bits${bits}`, bits, 0, rows(bits))),
    bmp('runs', 8, 1, Buffer.concat([runs, Buffer.from([0, 1])])),
    bmp('runs4', 4, 2, Buffer.concat([runs, Buffer.from([0, 1])])),
  ];
}

const npy = (header: string, numBytes: number): Buffer => {
  const start = Buffer.from('\x93NUMPY\x01\0\0\0', 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header), Buffer.alloc(numBytes, 3)]);
};

const svg = (body: string): Buffer =>
  Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">${body}</svg>`);

/** Drawings that grow tenfold with each level. */
function manyUses(): string {
  let body = '<g id="a0"><rect width="1" height="1"/></g>';
  for (let level = 1; level < 9; level++) {
    body += `<g id="a${level}">${`<use href="#a${level - 1}"/>`.repeat(10)}</g>`;
  }
  return `<defs>${body}</defs><use href="#a8"/>`;
}

function hostile(): Seed[] {
  const fromMasks = ['png-mask', 'tiff-mask'].flatMap((name) =>
    (maskReaders.find((reader) => reader.name === name)?.hostile?.() ?? []).map((seed) => ({ ...seed })),
  );
  return [
    ...fromMasks,
    { name: 'drawing.png', bytes: svg('<rect width="9" height="9"/>') },
    { name: 'bomb.png', bytes: svg(manyUses()) },
    {
      name: 'wide.jpg',
      bytes: Buffer.from('ffd8ffc0001108fffffff f03011100021101031101'.replace(/ /g, ''), 'hex'),
    },
  ];
}

const limit = { maxPixels: 2 ** 27 };

export const photoReaders: Reader[] = [
  {
    name: 'photo',
    weight: 0.2,
    seeds: photos,
    hostile,
    read: async (input, { name }) => {
      const pages = await examinePhoto(name, input, limit);
      const [size = null] = pages;
      const options = { channels: 3, valueRange: 'type', orientation: 'stored', ...limit } as const;
      const { width, height, pixels } = await decodePhoto(name, input, options);
      if (size?.width !== width || size.height !== height || pixels.length !== 3 * width * height) {
        throw new Error(`${pixels.length} values for ${width} x ${height}`);
      }
    },
    isAnswer: (error) => error instanceof FileError,
  },
];
