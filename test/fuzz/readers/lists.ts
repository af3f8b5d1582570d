/** Lists that a person writes beside the data: palettes and class names. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readClassNames, readPalette } from '@unet-fleet/dataset';
import { matWithNames } from '@unet-fleet/dataset/sample/mat-writer';
import { UserError } from '@unet-fleet/shared';
import type { Reader, Seed } from '../reader.ts';
import { fixture, maskFixtures, textSeed } from './files.ts';

function writeInput(input: Uint8Array, { name }: Seed, folder: string): string {
  const path = join(folder, 'work', name);
  writeFileSync(path, input);
  return path;
}

const json = '[{"color": "#000000", "name": "null"}, {"color": [255, 0, 0], "name": "car", "class": 1}]';
const isAnswer = (error: unknown) => error instanceof UserError;
const nested = (name: string, depth: number): Seed => textSeed(name, '['.repeat(depth));

export const listReaders: Reader[] = [
  {
    name: 'palette',
    weight: 0.5,
    seeds: () => [
      textSeed('a.txt', fixture('packages/dataset/fixtures/palette.txt').toString()),
      textSeed('b.txt', '#000000 background\n255, 0, 0, car\n// lines\n0 255 0\n'),
      textSeed('a.json', json),
    ],
    hostile: () => [
      nested('nested.json', 100_000),
      textSeed(
        'nested-class.json',
        `[{"color": "#000000", "class": ${'['.repeat(50_000)}${']'.repeat(50_000)}}]`,
      ),
      textSeed('nested-color.json', `[{"color": ${'['.repeat(50_000)}${']'.repeat(50_000)}}]`),
      textSeed('object-color.json', '[{"color": {"toString": 1}}]'),
      textSeed('spaces.txt', `#000000${' '.repeat(200_000)}a\u2028b`),
      textSeed('commas.txt', `1 1 1${','.repeat(200_000)}\u2028b`),
      textSeed(
        'colours.txt',
        Array.from({ length: 25_000 }, (_, i) => `#${i.toString(16).padStart(6, '0')}`).join('\n'),
      ),
      textSeed('escape.txt', '#000000 a\n\u001b]0;owned\u0007 b'),
    ],
    read: async (input, seed, folder) => {
      const { entries } = await readPalette(writeInput(input, seed, folder));
      for (const { color, classIndex } of entries) {
        if (!(color >= 0 && color <= 0xffffff && classIndex >= 0 && classIndex < 65_535)) {
          throw new Error(`colour ${color} for class ${classIndex}`);
        }
      }
    },
    isAnswer,
  },
  {
    name: 'class-names',
    weight: 0.5,
    seeds: () => [
      textSeed('a.txt', 'null\nskin\nT-shirt\n\u00e9t\u00e9\n'),
      textSeed('a.json', '["null", "skin", "T-shirt"]'),
      { name: 'a.mat', bytes: matWithNames('label_list', ['null', 'skin', 'T-shirt']) },
      ...maskFixtures(/^names-mat5\.mat$/),
    ],
    hostile: () => [
      nested('nested.json', 100_000),
      textSeed('long.txt', `a\n${'b'.repeat(200_000)}`),
      textSeed('many.txt', 'a\n'.repeat(120_000)),
      textSeed('escape.txt', 'a\n\u001b]0;owned\u0007\nc'),
      textSeed('escape.json', '["a", "b\\u001b[2J"]'),
      { name: 'lines.mat', bytes: matWithNames('label_list', ['a\nb', 'c\u0007']) },
    ],
    read: async (input, seed, folder) => {
      const names = await readClassNames(writeInput(input, seed, folder));
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      if (names.some((name) => typeof name !== 'string' || /[\u0000-\u001f\u007f]/.test(name))) {
        throw new Error(`names ${JSON.stringify(names)}`);
      }
    },
    isAnswer,
  },
  {
    name: 'class-names-73',
    weight: 0.2,
    seeds: () => maskFixtures(/^names-mat73\.mat$/),
    read: (input, seed, folder) => readClassNames(writeInput(input, seed, folder)),
    isAnswer,
  },
];
