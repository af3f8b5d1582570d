import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture, folderWith } from '../../test-support/folders.ts';
import { readClassNames } from './class-names.ts';
import { paletteNames, readPalette } from './palette.ts';

const names = ['null', 'skin', 'T-shirt', 'été'];
const listIn = (name: string, content: string | Uint8Array) => join(folderWith({ [name]: content }), name);

describe('class names', () => {
  it('come from a .mat cell array of either format', async () => {
    expect(await readClassNames(fixture('masks/names-mat5.mat'))).toEqual(names);
    expect(await readClassNames(fixture('masks/names-mat73.mat'))).toEqual(names);
  });

  it('come from lines of text or a JSON list', async () => {
    expect(await readClassNames(listIn('a.txt', '\uFEFFnull\r\nskin\r\n T-shirt\n\nété\n'))).toEqual(names);
    expect(await readClassNames(listIn('a.json', JSON.stringify(names)))).toEqual(names);
  });

  it('say what is wrong with the list', async () => {
    await expect(readClassNames('nowhere/list.txt')).rejects.toThrow(
      'There is no list of class names nowhere/list.txt',
    );
    await expect(readClassNames(listIn('a.json', '{"a": 1}'))).rejects.toThrow(
      'its JSON is no list of strings',
    );
    await expect(readClassNames(listIn('a.txt', 'one'))).rejects.toThrow('it names 1 classes');
    await expect(readClassNames(listIn('a.txt', 'a\0b\nc'))).rejects.toThrow('it is no text');
    await expect(readClassNames(fixture('masks/mat5-uint8.mat'))).rejects.toThrow(
      'holds no cell array of names',
    );
  });
});

describe('palette', () => {
  it('takes text and JSON', async () => {
    const text = await readPalette(listIn('p.txt', '#000000 background\n255, 0, 0, car\n0 255 0\n'));
    expect(text.entries).toEqual([
      { color: 0, classIndex: 0, name: 'background' },
      { color: 0xff0000, classIndex: 1, name: 'car' },
      { color: 0x00ff00, classIndex: 2, name: '' },
    ]);
    const list = [
      { color: '#000000', name: 'background' },
      { color: [255, 0, 0], name: 'car' },
      { color: '#ffffff', class: 255 },
    ];
    const json = await readPalette(listIn('p.json', JSON.stringify(list)));
    expect(json.entries.map(({ classIndex }) => classIndex)).toEqual([0, 1, 255]);
    expect(paletteNames(json, 255)).toEqual(['background', 'car']);
    expect(paletteNames(text, -1)).toEqual(['background', 'car']);
    expect(text.sha256).not.toBe(json.sha256);
  });

  it('names the line that is wrong', async () => {
    await expect(readPalette('nowhere.txt')).rejects.toThrow(
      'There is no palette file nowhere.txt: check --palette.',
    );
    await expect(readPalette(listIn('p.txt', '#000000 a\n300 0 0 b'))).rejects.toThrow(
      'line 2 is "300 0 0 b", no colour',
    );
    await expect(readPalette(listIn('p.txt', '#ff0000 a\n255 0 0 b'))).rejects.toThrow(
      '#ff0000 stands in it twice',
    );
    await expect(readPalette(listIn('p.json', '[{"color": "red"}]'))).rejects.toThrow('entry 0 has no color');
    await expect(readPalette(listIn('p.json', '[{"color": "#ff0000", "class": -1}]'))).rejects.toThrow(
      'no index',
    );
    await expect(readPalette(listIn('p.txt', '\n'))).rejects.toThrow('it has no colours');
  });
});
