/** Reads what the generator kept of each sample. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cell, Stored } from './cell.ts';
import type { Truth } from './judge.ts';

export function truthsOf({ samples }: Cell, root: string): Truth[] {
  return samples.map(({ photo, classes }) => {
    const [height, width] = classes.shape as [number, number];
    return {
      photo: numbersOf(photo, root),
      photoChannels: photo.shape[2]!,
      width,
      height,
      classes: numbersOf(classes, root),
    };
  });
}

function numbersOf({ file }: Stored, root: string): Float64Array {
  const { buffer, byteOffset, byteLength } = readFileSync(join(root, 'truth', file));
  return new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength));
}
