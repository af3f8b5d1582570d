import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPhotos } from './inputs.ts';

let root: string;
const make = (path: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), '');
};

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'inputs [1] '));
  for (const path of [
    'b.jpg',
    'a.PNG',
    'sub/a.jpg',
    'notes.txt',
    'out/a_figure.png',
    'x[1].jpg',
    'a.jpg',
    '@eaDir/a.jpg',
    'sub/._a.jpg',
    'empty/a.json',
  ]) {
    make(path);
  }
});
afterAll(() => rmSync(root, { recursive: true }));

const idsOf = async (...inputs: string[]) =>
  (
    await findPhotos(
      inputs.map((input) => join(root, input)),
      join(root, 'out'),
    )
  ).map(({ id }) => id);

describe('findPhotos', () => {
  const marks = ['[a]{b}', '{b', '!(x)', '+(x', '[z-a]', '**', '(?:', '@(x|y)', '{1..3}', '~', '\\'];

  it.each(marks)('finds names of characters that patterns are made of: %s', async (mark) => {
    make(`marks/${mark}1.png`);
    make(`marks-${mark}/p.png`);
    const pathsOf = async (input: string) =>
      (await findPhotos([join(root, input)], join(root, 'out'))).map(({ path }) => path);
    expect(await pathsOf(`marks/${mark}1.png`)).toEqual([join(root, `marks/${mark}1.png`)]);
    expect(await pathsOf(`marks-${mark}`)).toEqual([join(root, `marks-${mark}/p.png`)]);
    const matched = pathsOf(`marks-${mark}/*.png`);
    if (mark === '\\')
      await expect(matched).rejects.toThrow(/has a backslash in its name, .*: name the folder/);
    else expect(await matched).toEqual([join(root, `marks-${mark}/p.png`)]);
    // As a pattern it may mean nothing, and is a sentence then.
    await pathsOf(`marks/${mark}*.png`).catch(({ message }) => expect(message).toMatch(/^No photo matches/));
    await rm(join(root, 'marks'), { recursive: true });
    await rm(join(root, `marks-${mark}`), { recursive: true });
  });

  it('says what is no pattern', async () => {
    await expect(idsOf('?'.repeat(70_000))).rejects.toThrow(
      /\?… is no pattern \(.*\): name the files or their folder/,
    );
  });

  it('takes a folder with what is below it, in order, without earlier results', async () => {
    expect(await idsOf('')).toEqual(['a', 'a_jpg', 'b', 'sub/a', 'x[1]']);
  });

  it('takes patterns, with ids below the folder that they start in', async () => {
    expect(await idsOf('*.jpg')).toEqual(['a', 'b', 'x[1]']);
    expect(await idsOf('**/a.jpg')).toEqual(['a', 'sub/a']);
    expect(await idsOf('s*/../b.jpg').catch(() => ['none'])).not.toContain('../b');
  });

  it('takes a file whose name looks like a pattern, and each photo once', async () => {
    expect(await idsOf('x[1].jpg', 'sub', 'sub/a.jpg')).toEqual(['x[1]', 'a']);
  });

  it('gives photos of one name ids of their own', async () => {
    expect(await idsOf('a.jpg', 'sub/a.jpg', 'a.PNG')).toEqual(['a', 'a_jpg', 'a_png']);
  });

  it('says what matched nothing', async () => {
    await expect(idsOf('gone.jpg')).rejects.toThrow(
      /^There is no photo or folder .*gone\.jpg: check its name\.$/,
    );
    await expect(idsOf('*.webp')).rejects.toThrow(/^No photo matches .*\*\.webp: photos are \.jpg,/);
    await expect(idsOf('empty')).rejects.toThrow(
      /^There is no photo in .*empty, but one file \.json .*; photos are/,
    );
  });
});
