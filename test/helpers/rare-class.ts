/** A small set in which one photo alone has a class: a weight for it reaches the leaves of that photo and no other. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

const width = 48;
const height = 32;

/** Writes the set and returns the flags that name it. Photo `rare` has class 2; all have classes 0 and 1. */
export async function rareClassFlags(folder: string, numPhotos: number, rare: number): Promise<string[]> {
  const [images, masks] = [join(folder, 'photos'), join(folder, 'masks')];
  for (const path of [images, masks]) mkdirSync(path, { recursive: true });
  for (let photo = 0; photo < numPhotos; photo++) {
    const name = `${String(photo).padStart(2, '0')}.png`;
    const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * (photo + 3) * 7) % 251);
    const labels = Uint8Array.from({ length: width * height }, (_, i) => {
      if (photo === rare && i < 40) return 2;
      return Number(pixels[i * 3]! > 120);
    });
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(join(images, name));
    await sharp(labels, { raw: { width, height, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toFile(join(masks, name));
  }
  return ['--images', images, '--masks', masks, '--num-classes', '3'];
}
