import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture, folderWith } from '../../test-support/folders.ts';
import { readClassList, readClassNames } from './class-names.ts';
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
    expect(paletteNames(json, [255])).toEqual(['background', 'car']);
    expect(paletteNames(text, [-1])).toEqual(['background', 'car']);
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

describe('lists with columns', () => {
  const three = ['background', 'car', 'sky'];
  it.each([
    ["Roboflow's", '_classes.csv', 'Pixel Value, Class\r\n0, background\r\n1, car\r\n2, sky\r\n'],
    ['a colour table', 'class_dict.csv', 'name,r,g,b\nbackground,0,0,0\ncar,255,0,0\nsky,0,0,255\n'],
    [
      "CVAT's",
      'labelmap.txt',
      '# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:255,0,0::\nsky:0,0,255::\n',
    ],
    [
      "CVAT's without its heading",
      'labelmap.txt',
      'background:0,0,0::\ncar:255,0,0::\nsky:0,0,255:wing,tail:fly\n',
    ],
    [
      'with a byte order mark, quotes and commas behind',
      'a.csv',
      '\uFEFF"id","name",\n"0","background",\n1,"car",\n2,sky,\n',
    ],
    ['in another order', 'a.csv', 'id;name\n2;sky\n0;background\n1;car\n'],
    ['of pandas, whose index has no heading', 'a.csv', ',name\n0,background\n1,car\n2,sky\n'],
    ['with a class of numbers beside names', 'a.csv', 'class,name\n0,background\n1,car\n2,sky\n'],
    ['with unknown headings', 'a.csv', 'Nummer,Bezeichnung\n0,background\n1,car\n2,sky\n'],
    ['without a heading', 'a.csv', '0,background\n1,car\n2,sky\n'],
    ['of one column with a heading', 'a.csv', 'class_name\nbackground\ncar\nsky\n'],
    ['of one column', 'a.csv', 'background\ncar\nsky\n'],
    ['as tabs', 'a.tsv', 'index\tlabel\n0\tbackground\n1\tcar\n2\tsky\n'],
    ['numbered lines', 'a.txt', '0 background\n1 car\n2 sky\n'],
    ['numbered lines with a colon', 'a.txt', '0: background\n1: car\n2: sky'],
    ['numbers behind', 'a.txt', 'background,0\ncar,1\nsky,2\n'],
    ['commas behind', 'a.txt', '"background",\n"car",\n"sky",\n'],
    ["old Mac's line ends", 'a.txt', 'background\rcar\rsky\r'],
    ['a heading in a text file', 'a.txt', 'name,r,g,b\nbackground,0,0,0\ncar,9,9,9\nsky,1,1,1\n'],
    ['a palette', 'a.txt', '#000000 background\n255 0 0 car\n0,0,255,sky\n'],
    ["LabelMe's", 'labels.txt', '__ignore__\nbackground\ncar\nsky\n'],
  ])('%s', async (_, name, text) => {
    expect(await readClassList(listIn(name, text))).toEqual({ names: three, values: null });
  });

  it('keep names that only look like numbered or headed ones', async () => {
    expect(await readClassNames(listIn('a.txt', 'class 0\nclass 1\n'))).toEqual(['class 0', 'class 1']);
    expect(await readClassNames(listIn('a.txt', 'car\n4 wheels, blue\n'))).toEqual(['car', '4 wheels, blue']);
    expect(await readClassNames(listIn('a.csv', '0,"car, blue"\n1,"say ""hi"""\n'))).toEqual([
      'car, blue',
      'say "hi"',
    ]);
  });

  it('say the values of the classes where these are not 0 to n - 1', async () => {
    const list = await readClassList(listIn('a.csv', 'value,name\n255,plant\n0,soil\n'));
    expect(list).toEqual({ names: ['soil', 'plant'], values: [0, 255] });
  });

  it.each([
    ['a.csv', 'alpha,beta\none,two\nthree,four\n', 'nothing says which of its columns has the names'],
    [
      'a.csv',
      'id,width,height\n0,5,6\n1,7,8\n',
      'its columns are id, width, height, and none is called name',
    ],
    ['a.csv', 'id,name\n0,a\n0,b\n', 'the value 0 stands in it twice'],
    ['a.csv', 'id,name\n0,a\nx,b\n', 'class 2 has the value "x"'],
    ['a.csv', 'id,name\n0,a\n1,\n', 'class 2 has no name'],
    ['a.txt', 'class\nsky\ncar\n', 'its first line is "class"'],
    ['a.yaml', 'names: [a, b]\n', 'YAML is not read'],
    ['a.txt', '#000000\n#ff0000\n', 'colours without names'],
    ['a.csv', '"a\nb\n', 'a quotation mark is not closed'],
  ])('%s %j is refused', async (name, text, sentence) => {
    await expect(readClassNames(listIn(name, text))).rejects.toThrow(sentence);
  });

  it.each([
    ['a colour table', 'class_dict.csv', 'name,r,g,b\nbackground,0,0,0\ncar,255,0,0\n'],
    ['hex colours', 'a.csv', 'label,color\nbackground,#000000\ncar,#ff0000\n'],
    ['colours in one cell', 'a.csv', 'label,rgb\nbackground,"0,0,0"\ncar,"(255, 0, 0)"\n'],
    ["CVAT's", 'labelmap.txt', '# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:255,0,0::\n'],
    ['names before colours', 'a.txt', 'background 0 0 0\ncar 255 0 0\n'],
    ['numbers as well', 'a.csv', '1,car,255,0,0\n0,background,0,0,0\n'],
  ])('%s is a palette', async (_, name, text) => {
    const { entries } = await readPalette(listIn(name, text));
    expect([...entries].sort((a, b) => a.classIndex - b.classIndex)).toEqual([
      { color: 0, classIndex: 0, name: 'background' },
      { color: 0xff0000, classIndex: 1, name: 'car' },
    ]);
  });

  it('without colours are no palette', async () => {
    const classes = listIn('_classes.csv', 'Pixel Value, Class\n0, background\n1, car\n');
    await expect(readPalette(classes)).rejects.toThrow('it is a list for --class-names');
  });
});
