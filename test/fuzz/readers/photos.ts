/** Photos through sharp: the four formats that are read, and formats that only look like them. */
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
  const pngs = seeds.filter(({ name }) => name.endsWith('.png'));
  return [...seeds, ...pngs.map((seed) => ({ ...seed, wrap: withPngChecksums }))];
}

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
