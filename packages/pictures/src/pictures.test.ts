/** Whole pictures, read back: sizes, pixels at known places, hostile names, and a machine without fonts. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { RgbImage } from './canvas.ts';
import { confusionPicture } from './confusion-picture.ts';
import { contactSheet } from './contact-sheet.ts';
import { darkPixels, decode, pixelAt } from './decode.test-helper.ts';
import { predictionFigure } from './figure.ts';
import type { LabelMap } from './models/class-map.ts';
import { classColour } from './models/palette.ts';

const hostile = ['</svg><script>&', 'a\nb\u0000c', 'x'.repeat(500), '', '"quoted\' & <b>', '中文', '=1+1'];
const scheme = { classNames: hostile, ignoreIndex: -1 };

const photoOf = (width: number, height: number): RgbImage => ({
  width,
  height,
  pixels: Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7) % 251),
});
const maskOf = (width: number, height: number, numClasses = 7): LabelMap => ({
  width,
  height,
  labels: Uint8Array.from({ length: width * height }, (_, i) =>
    Math.floor(((i % width) * numClasses) / width),
  ),
});

describe('predictionFigure', () => {
  const title = '<img src=x> & co';
  it('puts photo, prediction and overlay beside each other at the photo’s own size', async () => {
    const [photo, prediction] = [photoOf(550, 877), maskOf(550, 877)];
    const png = await predictionFigure({ title, subtitle: '', photo, prediction, truth: null, scheme });
    const image = await decode(png);
    const { left, top, gap } = findPhoto(image, photo);
    expect(pixelAt(image, left + 549, top + 876)).toEqual(pixelAt(photo, 549, 876));
    const second = left + 550 + gap;
    expect(pixelAt(image, second + 5, top + 5)).toEqual([...classColour(0)]);
    expect(pixelAt(image, second + 545, top + 870)).toEqual([...classColour(6)]);
    expect(image.width).toBe(3 * (550 + gap) + gap);
  });

  it('adds the truth and the wrong pixels, and enlarges small photos by a whole factor', async () => {
    const [photo, truth] = [photoOf(64, 96), maskOf(64, 96)];
    const prediction = { ...truth, labels: truth.labels.map((label) => (label === 6 ? 5 : label)) };
    const png = await predictionFigure({ title, subtitle: 'scores', photo, prediction, truth, scheme });
    const image = await decode(png);
    const { left, top, gap } = findPhoto(image, photo);
    expect(image.width).toBe(4 * (4 * 64 + gap) + gap);
    const panel = (index: number) => left + index * (256 + gap);
    expect(pixelAt(image, panel(1) + 250, top + 5)).toEqual([...classColour(6)]);
    expect(pixelAt(image, panel(2) + 250, top + 5)).toEqual([...classColour(5)]);
    const wrong = pixelAt(image, panel(3) + 250, top + 5);
    expect(wrong[0]! - wrong[1]!).toBeGreaterThan(80);
  });
});

/** The photo's first pixel in the figure: the margin on its left is that between panels. */
function findPhoto(figure: RgbImage, photo: RgbImage): { left: number; top: number; gap: number } {
  const wanted = [pixelAt(photo, 0, 0)].join();
  for (let top = 0; top < figure.height; top++) {
    for (let left = 0; left < 60; left++) {
      if (pixelAt(figure, left, top).join() === wanted) return { left, top, gap: left };
    }
  }
  throw new Error('the photo is not in the figure');
}

describe('contactSheet', () => {
  it('holds every sample, whatever its size, and the legend', async () => {
    const samples = [
      { id: hostile[0]!, photo: photoOf(40, 60), mask: maskOf(40, 60) },
      { id: 'wide', photo: photoOf(300, 100), mask: maskOf(300, 100) },
      { id: 'tiny', photo: photoOf(1, 1), mask: maskOf(1, 1) },
    ];
    const image = await decode(await contactSheet('<title>', samples, scheme));
    // A wide sample makes cells of three thumbs of 240 px: one column of three.
    expect(image.width).toBe(22 + 3 * 240 + 12 + 22);
    expect(pixelAt(image, 22 + 160 + 6 + 155, 64 + 24 + 100)).toEqual([...classColour(6)]);
    const rowPx = 24 + 240 + 22;
    expect(pixelAt(image, 22 + 240 + 6 + 236, 64 + rowPx + 24 + 40)).toEqual([...classColour(6)]);
  });

  it('can be empty', async () => {
    const image = await decode(await contactSheet('none', [], scheme));
    expect(image.width).toBe(640);
  });
});

describe('confusionPicture', () => {
  it('is dark where a row’s pixels went, and leaves out absent classes', async () => {
    // Class 2 is absent; class 1 is predicted as 0 throughout.
    const confusion = Float64Array.of(1e9, 0, 0, 5, 0, 0, 0, 0, 0);
    const image = await decode(await confusionPicture(hostile[0]!, confusion, 3, scheme));
    const cells = findGrid(image);
    expect(cells).toEqual({ dark: 2, size: 56 });
  });

  it('draws 59 and 200 classes, and an empty matrix', async () => {
    for (const numClasses of [59, 200]) {
      const confusion = new Float64Array(numClasses ** 2).fill(1);
      const image = await decode(await confusionPicture('many', confusion, numClasses, scheme));
      expect(image.width).toBeGreaterThan(Math.min(100, numClasses) * 18);
      expect(image.width).toBeLessThan(2400);
    }
    const empty = await decode(await confusionPicture('empty', new Float64Array(9), 3, scheme));
    expect(empty.width).toBe(560);
  });
});

/** Cells in the scale's darkest colour, and their height: both stand below each other in the first column. */
function findGrid(image: RgbImage): { dark: number; size: number } {
  const dark = '8,39,92';
  for (let x = 0; x < image.width / 2; x++) {
    let run = 0;
    for (let y = 0; y < image.height; y++) if (pixelAt(image, x, y).join() === dark) run++;
    if (run > 60) return { dark: Math.round(run / 56), size: 56 };
  }
  throw new Error('no dark cells');
}

describe('without any font on the machine', () => {
  it('text is drawn all the same', async () => {
    const script = `
      import { predictionFigure } from '@unet-fleet/pictures';
      const labels = new Uint8Array(32 * 32).fill(1);
      const png = await predictionFigure({
        title: 'Title', subtitle: 'subtitle', truth: null,
        photo: { width: 32, height: 32, pixels: new Uint8Array(32 * 32 * 3) },
        prediction: { width: 32, height: 32, labels },
        scheme: { classNames: ['null', 'hair'], ignoreIndex: -1 },
      });
      process.stdout.write(png);`;
    const render = (env: NodeJS.ProcessEnv) =>
      execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        cwd: fileURLToPath(new URL('..', import.meta.url)),
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    const bare = render({ FONTCONFIG_FILE: '/dev/null', FONTCONFIG_PATH: '/nonexistent' });
    expect(bare.equals(render({}))).toBe(true);
    const image = await decode(bare);
    expect(darkPixels(image, 0, 0, image.width, 34)).toBeGreaterThan(80);
  });
});
