import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCodes } from '@unet-fleet/shared';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrightnessEngine, dataOf, modelOf } from './doubles.test-helper.ts';
import { type PredictOptions, predictPhotos } from './predict.ts';
import { greyMap, indexMask } from './prediction-files.ts';

let root: string;
let out: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'predict-'));
  out = join(root, 'out');
  mkdirSync(join(root, 'photos/sub'), { recursive: true });
  mkdirSync(join(root, 'masks'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Left half dark, right half bright. */
const halves = (width: number, height: number) =>
  sharp(
    Uint8Array.from({ length: width * height * 3 }, (_, at) =>
      Math.floor(at / 3) % width < width / 2 ? 20 : 230,
    ),
    { raw: { width, height, channels: 3 } },
  );

async function gray(path: string) {
  const { data, info } = await sharp(path).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, at: (x: number, y: number) => data[y * info.width + x] };
}

const defaults: PredictOptions = { masks: '', maskSuffix: '', maxPixels: 2 ** 27 };

const predict = (inputs: string[], options: Partial<PredictOptions> = {}, engine = new BrightnessEngine()) =>
  predictPhotos(modelOf(3, dataOf()), engine, inputs, out, { ...defaults, ...options });

describe('predictPhotos', () => {
  it('predicts at training size and writes at the photo’s own, upright', async () => {
    // Stored lying on its side: shown upright it is 50 wide and 90 high, dark above bright.
    await halves(90, 50)
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100 })
      .toFile(join(root, 'photos/a.jpg'));
    const engine = new BrightnessEngine();
    const report = await predict([join(root, 'photos/a.jpg')], undefined, engine);
    expect(report).toMatchObject({ failures: [], exitCode: exitCodes.ok });
    expect(engine.sizes).toEqual(['1x32x16']);
    const [files] = report.outputs;
    const mask = await gray(files!.mask);
    expect([mask.width, mask.height]).toEqual([50, 90]);
    expect([mask.at(25, 5), mask.at(25, 42), mask.at(25, 48), mask.at(25, 85)]).toEqual([0, 0, 1, 1]);
    const grey = await gray(files!.grey);
    expect([grey.at(25, 5), grey.at(25, 85)]).toEqual([0, 128]);
    const overlay = await sharp(files!.overlay).metadata();
    expect([overlay.width, overlay.height]).toEqual([50, 90]);
    expect(readdirSync(out).sort()).toEqual(['a_figure.png', 'a_grey.png', 'a_mask.png', 'a_overlay.png']);
  });

  it('names what it cannot read and goes on', async () => {
    await halves(40, 40).png().toFile(join(root, 'photos/good.png'));
    writeFileSync(join(root, 'photos/bad.jpg'), 'no photo');
    const truncated = await halves(200, 200).jpeg().toBuffer();
    writeFileSync(join(root, 'photos/cut.jpg'), truncated.subarray(0, truncated.length / 2));
    await halves(20, 20).png().toFile(join(root, 'photos/sub/good.png'));
    const report = await predict([join(root, 'photos')]);
    expect(report.outputs.map(({ id }) => id)).toEqual(['good', 'sub/good']);
    expect(report.failures.map(({ path }) => path)).toEqual(
      ['bad.jpg', 'cut.jpg'].map((name) => join(root, 'photos', name)),
    );
    for (const { reason } of report.failures) expect(reason).toMatch(/^[^\n]{5,200}$/);
    expect(report.exitCode).toBe(exitCodes.usage);
    expect(existsSync(join(out, 'sub/good_figure.png'))).toBe(true);
  });

  it('shows the truth where there is one, and names a mask that does not fit', async () => {
    for (const name of ['a', 'b', 'c', 'd'])
      await halves(64, 48)
        .png()
        .toFile(join(root, `photos/${name}.png`));
    const mask = (width: number, height: number, value: number) =>
      indexMask({ width, height, labels: new Uint8Array(width * height).fill(value) }, 256);
    writeFileSync(join(root, 'masks/a_mask.png'), await mask(64, 48, 1));
    writeFileSync(join(root, 'masks/b_mask.png'), await mask(64, 47, 1));
    writeFileSync(join(root, 'masks/c_mask.png'), await mask(64, 48, 9));
    const report = await predict([join(root, 'photos')], { masks: join(root, 'masks'), maskSuffix: '_mask' });
    expect(report.outputs).toHaveLength(4);
    expect(report.failures).toEqual([
      { path: join(root, 'masks/b_mask.png'), reason: 'it has 64 x 47 pixels, its photo 64 x 48' },
      { path: join(root, 'masks/c_mask.png'), reason: 'it holds 9, which is no class of the model' },
    ]);
    const widths = await Promise.all(
      report.outputs.map(async ({ figure }) => (await sharp(figure).metadata()).width),
    );
    expect(widths[0]).toBeGreaterThan(widths[1]! * 1.2);
    expect(widths.slice(2)).toEqual([widths[1], widths[1]]);
  });

  it('writes nothing beside the photos', async () => {
    await halves(40, 40).png().toFile(join(root, 'photos/a.png'));
    const options = defaults;
    const engine = new BrightnessEngine();
    const here = predictPhotos(
      modelOf(3, dataOf()),
      engine,
      [join(root, 'photos/a.png')],
      join(root, 'photos'),
      options,
    );
    await expect(here).rejects.toThrow(/is the folder of the photo .*: choose another folder with --out\.$/);
  });

  it('says so when there is no such folder of masks, or no place to write', async () => {
    await halves(40, 40).png().toFile(join(root, 'photos/a.png'));
    const photo = join(root, 'photos/a.png');
    await expect(predict([photo], { masks: join(root, 'gone'), maskSuffix: '' })).rejects.toThrow(
      /^There is no folder .*gone: check --masks\.$/,
    );
    writeFileSync(out, 'a file');
    await expect(predict([photo])).rejects.toThrow(
      /^Cannot write to .*out \(.*\): choose another folder with --out\.$/,
    );
  });

  it('crashes on a broken engine rather than blaming the photo', async () => {
    await halves(40, 40).png().toFile(join(root, 'photos/a.png'));
    class Broken extends BrightnessEngine {
      override async predict(): Promise<Uint16Array> {
        throw new TypeError('broken');
      }
    }
    await expect(predict([join(root, 'photos')], undefined, new Broken())).rejects.toThrow(TypeError);
  });
});

describe('masks', () => {
  const map = { width: 3, height: 1, labels: Uint16Array.of(0, 255, 299) };

  it('have 16 bits where 8 are too few', async () => {
    const wide = await sharp(await indexMask(map, 300)).metadata();
    expect(wide).toMatchObject({ depth: 'ushort', channels: 1, width: 3 });
    const values = await sharp(await indexMask(map, 300))
      .toColourspace('grey16')
      .raw({ depth: 'ushort' })
      .toBuffer();
    expect(Array.from(new Uint16Array(values.buffer, values.byteOffset, 3))).toEqual([0, 255, 299]);
    const narrow = await sharp(
      await indexMask({ ...map, labels: Uint16Array.of(0, 1, 255) }, 256),
    ).metadata();
    expect(narrow).toMatchObject({ depth: 'uchar', channels: 1 });
  });

  it('spread over the greys by the count of classes', async () => {
    const png = await greyMap({ ...map, labels: Uint16Array.of(0, 29, 58) }, 59);
    const pixels = await sharp(png).toColourspace('b-w').raw().toBuffer();
    expect(Array.from(pixels)).toEqual([0, 128, 255]);
  });
});
