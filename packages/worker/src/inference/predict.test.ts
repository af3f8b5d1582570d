import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCodes } from '@unet-fleet/law';
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

const defaults: PredictOptions = { masks: '', imageSuffix: '', maskSuffix: '', maxPixels: 2 ** 27 };

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
    const engine = new BrightnessEngine();
    const here = predictPhotos(
      modelOf(3, dataOf()),
      engine,
      [join(root, 'photos/a.png')],
      join(root, 'photos'),
      defaults,
    );
    await expect(here).rejects.toThrow(
      /would lie in the folder of the photo .*: choose another folder with --out, such as /,
    );
  });

  it('says so when there is no such folder of masks, or no place to write', async () => {
    await halves(40, 40).png().toFile(join(root, 'photos/a.png'));
    const photo = join(root, 'photos/a.png');
    await expect(predict([photo], { masks: join(root, 'gone'), maskSuffix: '' })).rejects.toThrow(
      /^There is no folder .*gone: check --masks\.$/,
    );
    writeFileSync(out, 'a file');
    await expect(predict([photo])).rejects.toThrow(
      /out is in the way of the predictions: it is no folder; move it, or choose another folder with --out$/,
    );
  });

  it('goes on after what should never happen, and hands it on', async () => {
    for (const name of ['a', 'b']) {
      await halves(40, 40)
        .png()
        .toFile(join(root, `photos/${name}.png`));
    }
    class BrokenOnce extends BrightnessEngine {
      override async predict(batch: Parameters<BrightnessEngine['predict']>[0]): Promise<Uint16Array> {
        if (this.sizes.length > 0) return super.predict(batch);
        this.sizes.push('broken');
        throw new TypeError('broken');
      }
    }
    const report = await predict([join(root, 'photos')], undefined, new BrokenOnce());
    expect(report.outputs.map(({ id }) => id)).toEqual(['b']);
    expect(report.failures).toEqual([{ path: join(root, 'photos/a.png'), reason: 'broken' }]);
    expect(report.bug).toBeInstanceOf(TypeError);
  });

  it('takes photos of any shape, and one whose results cannot be written costs no other', async () => {
    const strips: [string, number, number][] = [
      ['a', 1, 5000],
      ['b', 70_000, 1],
      ['c', 1, 1],
      ['d', 30, 20],
    ];
    for (const [name, width, height] of strips) {
      await sharp({ create: { width, height, channels: 3, background: '#fff' } })
        .png()
        .toFile(join(root, `photos/${name}.png`));
    }
    mkdirSync(join(out, 'c_mask.png'), { recursive: true });
    const report = await predict([join(root, 'photos')]);
    expect(report.outputs.map(({ id }) => id)).toEqual(['a', 'b', 'd']);
    expect(report.failures).toEqual([
      { path: join(out, 'c_mask.png'), reason: expect.stringContaining('EISDIR') },
    ]);
    const strip = await sharp(report.outputs[1]!.overlay).metadata();
    expect([strip.width, strip.height]).toEqual([70_000, 1]);
  });
});

describe('true masks', () => {
  const names = [
    'p[1]',
    '{a,b}',
    '!x',
    'x (1)',
    'a b',
    'tail.',
    'n#0',
    '50%',
    '-rf',
    'a:b',
    'what?',
    '*',
    'e\u0301',
    'x'.repeat(230),
  ];

  /** Photos and their masks of the names, as files below `root`. */
  const make = async (masks: string, nameOf: (name: string) => string) => {
    const photo = await halves(40, 20).png().toBuffer();
    const mask = await indexMask({ width: 40, height: 20, labels: new Uint8Array(800) }, 256);
    mkdirSync(join(root, masks), { recursive: true });
    for (const name of names) {
      writeFileSync(join(root, `photos/sub/${name}.png`), photo);
      writeFileSync(join(root, masks, `${nameOf(name)}.png`), mask);
    }
  };

  it('are found whatever names mean to a shell, a pattern or a file system, for folders and single files', async () => {
    await make('masks/sub', (name) => name.normalize('NFC'));
    const options = { masks: join(root, 'masks') };
    const folder = await predict([join(root, 'photos')], options);
    expect(folder).toMatchObject({ failures: [], photosWithoutMasks: [], numPhotos: names.length });
    const files = await predict(
      names.map((name) => join(root, `photos/sub/${name}.png`)),
      options,
    );
    expect(files).toMatchObject({ failures: [], photosWithoutMasks: [], numPhotos: names.length });
    for (const { figure } of [...folder.outputs, ...files.outputs]) expect(existsSync(figure)).toBe(true);
  });

  it('that are not there are told: all of them as an error with what would fit, some by name', async () => {
    await make('masks/sub', (name) => `${name}_gt`);
    await expect(predict([join(root, 'photos')], { masks: join(root, 'masks') })).rejects.toThrow(
      `with --mask-suffix _gt, ${names.length} of ${names.length} photos have a mask.`,
    );
    expect(existsSync(out)).toBe(false);
    await halves(40, 20).png().toFile(join(root, 'photos/lone.png'));
    const report = await predict([join(root, 'photos')], { masks: join(root, 'masks'), maskSuffix: '_gt' });
    expect(report.photosWithoutMasks).toEqual([join(root, 'photos/lone.png')]);
    expect(report.exitCode).toBe(exitCodes.ok);
  });

  it('of formats that are not read are named', async () => {
    await halves(40, 20).png().toFile(join(root, 'photos/a.png'));
    writeFileSync(join(root, 'masks/a.json'), '{}');
    await expect(predict([join(root, 'photos')], { masks: join(root, 'masks') })).rejects.toThrow(
      /^No photo has a mask of its name in .*: there are one file \.json/,
    );
  });

  it('among the photos are no photos', async () => {
    await halves(40, 20).png().toFile(join(root, 'photos/a_sat.png'));
    writeFileSync(
      join(root, 'photos/a_mask.png'),
      await indexMask({ width: 40, height: 20, labels: new Uint8Array(800) }, 256),
    );
    const suffixes = { imageSuffix: '_sat', maskSuffix: '_mask' };
    const report = await predict([join(root, 'photos')], { masks: join(root, 'photos'), ...suffixes });
    expect(report).toMatchObject({ numPhotos: 1, failures: [], photosWithoutMasks: [] });
    expect(report.outputs.map(({ id }) => id)).toEqual(['a_sat']);
  });

  it('are never the photos themselves, where both lie below one folder', async () => {
    mkdirSync(join(root, 'all/train'), { recursive: true });
    mkdirSync(join(root, 'all/trainannot'));
    await halves(40, 20).png().toFile(join(root, 'all/train/a.png'));
    const folder = join(root, 'all');
    await expect(predict([folder], { masks: folder })).rejects.toThrow(/^No photo has a mask of its name/);
    const mask = await indexMask({ width: 40, height: 20, labels: new Uint8Array(800) }, 256);
    writeFileSync(join(root, 'all/trainannot/a.png'), mask);
    const report = await predict([folder], { masks: folder });
    expect(report).toMatchObject({ numPhotos: 1, failures: [], photosWithoutMasks: [] });
  });
});

describe('the output folder', () => {
  it.each<[string, string, string]>([
    ['is that of the photos', 'photos', 'photos'],
    ['is a link to it', 'photos', 'link'],
    ['is that of the masks', 'photos', 'masks'],
    ['gets a subfolder that is theirs', '.', '.'],
  ])('is refused where it %s', async (_, input, to) => {
    await halves(40, 20).png().toFile(join(root, 'photos/a.png'));
    writeFileSync(
      join(root, 'masks/a.png'),
      await indexMask({ width: 40, height: 20, labels: new Uint8Array(800) }, 256),
    );
    symlinkSync(join(root, 'photos'), join(root, 'link'));
    out = join(root, to);
    const report = predict([join(root, input)], input === '.' ? {} : { masks: join(root, 'masks') });
    await expect(report).rejects.toThrow(
      /results would lie in the folder of the (photo|mask) .*, such as .*predictions\.$/,
    );
    expect(readdirSync(join(root, 'photos')).sort()).toEqual(['a.png', 'sub']);
  });

  it('may lie below the photos, above them, or be there already', async () => {
    await halves(40, 20).png().toFile(join(root, 'photos/a.png'));
    for (const to of ['photos/results', 'photos/results', '.', '.']) {
      out = join(root, to);
      const { outputs } = await predict([join(root, 'photos')]);
      expect(outputs.map(({ id }) => id)).toEqual(['a']);
    }
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
