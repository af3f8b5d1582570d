/** Lists that a person writes beside the data: palettes and class names. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readClassNames, readPalette } from '@unet-fleet/dataset';
import { matWithNames } from '@unet-fleet/dataset/sample/mat-writer';
import { UserError } from '@unet-fleet/law';
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

/** Rows and cells without end, quotes that never close, and what patterns could take their time with. */
const hostileTables = (head: string): Seed[] => [
  textSeed('columns.csv', `id,${head}${',x'.repeat(200_000)}\n0,a`),
  textSeed('rows.csv', `id,${head}\n${'0,a\n'.repeat(100_000)}`),
  textSeed('quotes.csv', `id,${head}\n0,"${'""'.repeat(200_000)}`),
  textSeed('spaces.csv', `id,${head}\n0,a${' '.repeat(400)}b\n`.repeat(1_000)),
  textSeed('colons.txt', `${'a:'.repeat(200_000)}\nb`),
  textSeed('separators.txt', `${`a${' ,;'.repeat(300)}b\n`.repeat(500)}`),
];

export const listReaders: Reader[] = [
  {
    name: 'palette',
    weight: 0.5,
    seeds: () => [
      textSeed('a.txt', fixture('packages/dataset/fixtures/palette.txt').toString()),
      textSeed('b.txt', '#000000 background\n255, 0, 0, car\n// lines\n0 255 0\n'),
      textSeed('a.json', json),
      textSeed('class_dict.csv', 'name,r,g,b\nbackground,0,0,0\n"car, red",255,0,0\n'),
      textSeed('labelmap.txt', '# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:255,0,0::\n'),
      textSeed('behind.txt', 'background 0 0 0\ncar 255 0 0\n'),
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
      ...hostileTables('r,g,b'),
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
      textSeed('_classes.csv', 'Pixel Value, Class\r\n0, background\r\n1, car\r\n'),
      textSeed('a.tsv', 'id\tname\n1\tcar\n0\tsky\n'),
      textSeed('labelmap.txt', 'background:0,0,0::\ncar:255,0,0:wing:fly\n'),
      textSeed('numbers.txt', '0: sky\n1: car\n'),
      textSeed('behind.txt', 'sky,0\ncar,1\n'),
      { name: 'a.mat', bytes: matWithNames('label_list', ['null', 'skin', 'T-shirt']) },
      ...maskFixtures(/^names-mat5\.mat$/),
    ],
    hostile: () => [
      nested('nested.json', 100_000),
      textSeed('long.txt', `a\n${'b'.repeat(200_000)}`),
      textSeed('many.txt', 'a\n'.repeat(120_000)),
      textSeed('escape.txt', 'a\n\u001b]0;owned\u0007\nc'),
      ...hostileTables('name'),
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
