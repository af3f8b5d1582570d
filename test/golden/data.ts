/**
 * Photos and masks of the recorded runs, drawn by whole-number arithmetic alone and kept without loss (but for the one
 * set of JPEGs), so that they are the same pixels on every machine.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

export interface DataKind {
  numPhotos: number;
  /** Of photo i. */
  size: (i: number) => { width: number; height: number };
  channels: 1 | 3 | 4;
  photoFormat: 'png' | 'jpeg';
  numClasses: number;
  /** Pixels of each mask that are 255, at its left edge. */
  ignoredColumns: number;
  /** Photo that alone holds the last class; null: all may. */
  rare: number | null;
  /** Whether the masks hold colours, with a palette file that names them. */
  hasColours: boolean;
}

const plain: DataKind = {
  numPhotos: 16,
  size: () => ({ width: 64, height: 48 }),
  channels: 3,
  photoFormat: 'png',
  numClasses: 3,
  ignoredColumns: 0,
  rare: null,
  hasColours: false,
};

/** Each differs from `plain` by what its name says. */
export const dataKinds = {
  plain,
  grey: { ...plain, channels: 1 },
  alpha: { ...plain, channels: 4 },
  jpeg: { ...plain, photoFormat: 'jpeg' },
  sizes: { ...plain, size: (i) => ({ width: 70 + 3 * (i % 3), height: 94 - 5 * (i % 2) }) },
  ignored: { ...plain, ignoredColumns: 9 },
  rare: { ...plain, rare: 5 },
  colours: { ...plain, hasColours: true },
} as const satisfies Record<string, DataKind>;

const colours = [
  [0, 0, 0],
  [200, 30, 0],
  [0, 90, 255],
];

/** A grid of tiles, each of one class, with a photo that shows the class by its brightness and hue. */
function draw({ size, channels, numClasses, ignoredColumns, rare }: DataKind, photo: number) {
  const { width, height } = size(photo);
  const pixels = new Uint8Array(width * height * channels);
  const labels = new Uint8Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const tile = Math.floor(x / 11) * 7 + Math.floor(y / 13) * 5 + photo * 3;
      const isRare = rare === photo && x < 12 && y < 10;
      const label = isRare ? numClasses - 1 : (tile * tile) % (rare === null ? numClasses : numClasses - 1);
      labels[at] = x < ignoredColumns ? 255 : label;
      const noise = (x * 37 + y * 101 + photo * 53 + ((x * y) % 29) * 11) % 60;
      for (let c = 0; c < channels; c++) {
        pixels[at * channels + c] = (40 + label * 70 + noise + ((c * 23 * (label + 1)) % 40)) % 256;
      }
    }
  }
  return { width, height, pixels, labels };
}

/** Writes the set and returns the flags that name it. */
export async function writeData(folder: string, kind: DataKind): Promise<string[]> {
  const [images, masks] = [join(folder, 'images'), join(folder, 'masks')];
  for (const path of [images, masks]) mkdirSync(path, { recursive: true });
  for (let photo = 0; photo < kind.numPhotos; photo++) {
    const name = String(photo).padStart(2, '0');
    const { width, height, pixels, labels } = draw(kind, photo);
    const image = sharp(pixels, { raw: { width, height, channels: kind.channels } });
    if (kind.channels === 1) image.toColourspace('b-w');
    if (kind.photoFormat === 'jpeg') await image.jpeg({ quality: 85 }).toFile(join(images, `${name}.jpg`));
    else await image.png().toFile(join(images, `${name}.png`));
    const mask = kind.hasColours
      ? sharp(Uint8Array.from([...labels].flatMap((label) => colours[label]!)), {
          raw: { width, height, channels: 3 },
        })
      : sharp(labels, { raw: { width, height, channels: 1 } }).toColourspace('b-w');
    await mask.png().toFile(join(masks, `${name}.png`));
  }
  const flags = ['--images', images, '--masks', masks];
  if (!kind.hasColours) return [...flags, '--num-classes', String(kind.numClasses)];
  const palette = join(folder, 'palette.txt');
  writeFileSync(palette, '#000000 ground\n#c81e00 roof\n#005aff water\n');
  return [...flags, '--palette', palette];
}
