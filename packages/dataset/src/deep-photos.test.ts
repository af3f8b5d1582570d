/** Photos of more than 8 bits, stacks and orientations, from files to what the engine gets. */
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { dataConfig, folderWith, pngMask } from '../test-support/folders.ts';
import { bytesOf, tiffOf } from '../test-support/tiff.ts';
import { toBatch, unitPixels } from './batch.ts';
import { datasetFrom, settledOf } from './dataset.ts';
import { datasetTable, formatDatasetTable } from './inspect.ts';
import { loadSample } from './load.ts';
import { onlyMatrix } from './readers/mat-path.ts';
import { decodePhoto } from './readers/photo.ts';
import { turned } from './readers/picture.ts';
import { matWithMask, matWithNames } from './sample/mat-writer.ts';
import { scanDataset } from './scan.ts';
import type { Sample } from './types.ts';

const [width, height] = [20, 16];
const size = { width, height };
const ramp = (low: number, high: number) =>
  Array.from({ length: width * height }, (_, i) => low + ((high - low) * (i % width)) / (width - 1));
const u16 = (low: number, high: number) =>
  tiffOf({ ...size, bits: 16, data: bytesOf(Uint16Array.from(ramp(low, high))) });
const f32 = (low: number, high: number) =>
  tiffOf({ ...size, bits: 32, format: 3, data: bytesOf(Float32Array.from(ramp(low, high))) });
const mask = pngMask(width, height, (x) => Number(x > 9));

async function setOf(photos: Record<string, Uint8Array>, masks: Record<string, Uint8Array> = {}) {
  const files: Record<string, Uint8Array> = {};
  for (const [name, bytes] of Object.entries(photos)) {
    files[`photos/${name}`] = bytes;
    if (Object.keys(masks).length === 0) files[`masks/${name.replace(/\.\w+$/, '')}.png`] = mask;
  }
  for (const [name, bytes] of Object.entries(masks)) files[`masks/${name}`] = bytes;
  const folder = folderWith(files);
  const config = dataConfig({ images: join(folder, 'photos'), masks: join(folder, 'masks'), channels: 1 });
  return { folder, config, report: await scanDataset(config) };
}

async function loaded({ config, report }: Awaited<ReturnType<typeof setOf>>) {
  const dataset = datasetFrom(report, config);
  const data = { ...config, ...settledOf(dataset) };
  const samples = await Promise.all(dataset.samples.map((sample) => loadSample(data, sample, size)));
  return { dataset, data, samples };
}

/** A grey PNG of one row of bytes with a filter before each, for the depths that libraries write unasked alone. */
function packedPng(width: number, height: number, depth: number, rows: Uint8Array): Uint8Array {
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, height, depth, 0, 0, 0, 0]);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const parts = [chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', new Uint8Array())];
  return Buffer.concat([signature, ...parts]);
}

describe('photos of more than 8 bits', () => {
  it.each([
    ['12 bits in 16', u16(100, 4095), u16(0, 2000), '0..4095 of uint16', [100 / 4095, 1]],
    ['floats of 0..1', f32(0.25, 0.75), f32(0, 0.5), '0..1 of float', [0.25, 0.75]],
    ['other floats', f32(-10, 30), f32(0, 10), '-10..30 of float', [0, 1]],
  ])('%s reach the engine with one range for the whole set', async (_, a, b, range, [first, last]) => {
    const set = await setOf({ 'a.tif': a, 'b.tif': b });
    const { dataset, samples } = await loaded(set);
    expect(dataset.valueRange).toBe(range);
    expect(dataset.notes.join()).toMatch(/^Photos hold (uint16|float) values from .* becomes black/);
    const { images } = toBatch(samples);
    expect(images[0]).toBeCloseTo(first as number, 6);
    expect(images[width - 1]).toBeCloseTo(last as number, 6);
    // What is told stays told: another scan of the settled config says the same and nothing more.
    const again = datasetFrom(await scanDataset({ ...set.config, ...settledOf(dataset) }), set.config);
    expect([again.sha256, again.notes]).toEqual([dataset.sha256, []]);
  });

  it('of 8 bits stay bytes, whether the range is settled or was never asked for', async () => {
    const bytes = (value: number) =>
      sharp({ create: { ...size, channels: 3, background: { r: value, g: 9, b: 77 } } })
        .png()
        .toBuffer();
    const { dataset, samples } = await loaded(
      await setOf({ 'a.png': await bytes(3), 'b.png': await bytes(250) }),
    );
    expect([dataset.valueRange, dataset.notes]).toEqual(['0..255 of uint8', []]);
    for (const { pixels } of samples) expect(pixels).toBeInstanceOf(Uint8Array);
  });

  it.each([
    ['least number', -9, Int16Array, 2, '-9'],
    ['greatest number', 999, Uint16Array, 1, '999'],
    ['float', -9, Float32Array, 3, '-9'],
    ['nan', Number.NaN, Float32Array, 3, 'nan'],
  ])('without data (GDAL) widen no range, are black and told: %s', async (_, noData, kind, format, text) => {
    const values = kind.from(ramp(100, 500));
    values[0] = noData;
    const bits = 8 * values.BYTES_PER_ELEMENT;
    const photo = (data: typeof values) =>
      tiffOf({ ...size, bits, format, data: bytesOf(data), tags: { 42113: text } });
    const set = await setOf({ 'a.tif': photo(values), 'b.tif': photo(values.map(() => noData)) });
    const { dataset, samples } = await loaded(set);
    const seen = values.subarray(1);
    expect(dataset.valueRange).toMatch(`${Math.min(...seen)}..${Math.max(...seen)} of `);
    expect(dataset.notes).toContain(
      "2 photos (such as a.tif) have pixels without data (GDAL's nodata): they count in no range, and are black.",
    );
    expect(samples[0]?.pixels[0]).toBe(0);
    expect([...(samples[0]?.pixels ?? [])].filter((value) => value === 1)).not.toEqual([]);
    expect([...(samples[1]?.pixels ?? [])].every((value) => value === 0)).toBe(true);
  });

  it('of fewer than 8 bits have their range in stored numbers, in PNG and in TIFF', async () => {
    const options = { channels: 1, maxPixels: 1e6 } as const;
    const png = packedPng(4, 1, 4, Uint8Array.of(0, 0x0f, 0xf0));
    const tiff = tiffOf({ width: 4, height: 1, bits: 4, data: Uint8Array.of(0x0f, 0xf0) });
    const unit = async (name: string, bytes: Uint8Array, valueRange: string) =>
      [...unitPixels((await decodePhoto(name, bytes, { ...options, valueRange })).pixels)].map(
        (value) => Math.round(100 * value) / 100,
      );
    expect(await unit('a.png', png, '0..30')).toEqual([0, 0.5, 0.5, 0]);
    expect(await unit('a.tif', tiff, '0..30')).toEqual([0, 0.5, 0.5, 0]);
    for (const range of ['type', 'auto']) {
      expect(await unit('a.png', png, range)).toEqual([0, 1, 1, 0]);
      expect(await unit('a.tif', tiff, range)).toEqual([0, 1, 1, 0]);
    }
  });

  it('of MATLAB are the only matrix of their file', async () => {
    const values = Uint8Array.from({ length: 16 * 20 }, (_, i) => i % 251);
    const mat = matWithMask('X', values, 20, 16);
    const { samples } = await loaded(await setOf({ 'a.mat': mat, 'b.mat': mat }));
    expect([...unitPixels(samples[0]?.pixels as Float32Array)].map((v) => Math.round(250 * v))).toEqual([
      ...values,
    ]);
    const names = await setOf({ 'a.mat': matWithNames('list', ['x', 'y']), 'b.mat': mat });
    expect(names.report.unreadable[0]?.reason).toContain(
      'it holds no matrix of numbers that could be a photo; there is list (cell 1 x 2)',
    );
    const several = onlyMatrix.bind(null, [
      { header: { name: 'image', className: 'uint8', dims: [16, 20, 3] }, read: () => ({}) as never },
      { header: { name: 'gt', className: 'double', dims: [16, 20] }, read: () => ({}) as never },
    ]);
    expect(several).toThrow(
      'it holds 2 matrices (image (uint8 16 x 20 x 3), gt (double 16 x 20)), and which is the photo nobody says',
    );
  });

  it('are asked about where one range cannot serve, and every answer works', async () => {
    const set = await setOf({ 'a.tif': u16(0, 65_535), 'b.tif': f32(0, 1) });
    expect(() => datasetFrom(set.report, set.config)).toThrow(
      /1 photo of uint16, such as a.tif; 1 photo of float, such as b.tif.*--value-range type/,
    );
    for (const valueRange of ['type', '0..1']) {
      const config = { ...set.config, valueRange };
      expect(datasetFrom(await scanDataset(config), config).samples).toHaveLength(2);
    }
    const run = { ...set.config, valueRange: '0..65535 of uint16' };
    expect(() => datasetFrom(set.report, run)).toThrow();
    const other = await scanDataset(run);
    expect(other.unreadable[0]?.reason).toMatch(
      /its values are float, those of the photos of the set are uint16/,
    );
  });

  it('with NaN are refused, and cost no other', async () => {
    const { report } = await setOf({ 'a.tif': f32(0, Number.NaN), 'b.tif': f32(0, 1), 'c.tif': f32(0, 1) });
    expect(report.unreadable).toEqual([
      { id: 'a', path: 'a.tif', reason: expect.stringContaining('are no finite numbers (nan or infinity)') },
    ]);
    expect(report.samples).toHaveLength(2);
  });

  it('are resized like bytes, at the same places as the mask', async () => {
    // Smooth, as bytes are cut off between the two directions and floats are not.
    const smooth = Uint8Array.from(
      { length: 90 * 70 },
      (_, i) => ((i % 90) ** 2 + Math.floor(i / 90) ** 2) / 60 + 20,
    );
    const png = await sharp(smooth, { raw: { width: 90, height: 70, channels: 1 } })
      .png()
      .toBuffer();
    const deep = tiffOf({
      width: 90,
      height: 70,
      bits: 16,
      data: bytesOf(Uint16Array.from(smooth, (v) => v * 257)),
    });
    for (const target of [
      { width: 33, height: 40 },
      { width: 200, height: 160 },
      { width: 100, height: 35 },
    ]) {
      const masks = { 'a.png': pngMask(90, 70, () => 1) };
      const load = async (name: string, bytes: Uint8Array, valueRange: string) => {
        const { config, report } = await setOf({ [name]: bytes }, masks);
        return unitPixels(
          (await loadSample({ ...config, valueRange }, report.samples[0] as Sample, target)).pixels,
        );
      };
      const [of8, of16] = [await load('a.png', png, 'auto'), await load('a.tif', deep, 'type')];
      let worst = 0;
      for (let i = 0; i < of8.length; i++)
        worst = Math.max(worst, Math.abs((of8[i] as number) - (of16[i] as number)));
      expect(worst, JSON.stringify(target)).toBeLessThan(2 / 255);
    }
  });

  it('become the grey that the library makes of 8 bits', async () => {
    const colours = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 41) % 256);
    const bytes = tiffOf({ ...size, bits: 8, samples: 3, photometric: 2, data: colours });
    const deep = tiffOf({
      ...size,
      bits: 16,
      samples: 3,
      photometric: 2,
      data: bytesOf(Uint16Array.from(colours, (v) => v * 257)),
    });
    const options = { channels: 1, valueRange: 'type', maxPixels: 1e6 } as const;
    const of8 = unitPixels((await decodePhoto('a', bytes, options)).pixels);
    const of16 = unitPixels((await decodePhoto('a', deep, options)).pixels);
    for (let i = 0; i < of8.length; i++) expect(of16[i]).toBeCloseTo(of8[i] as number, 2);
  });
});

describe('channels', () => {
  const bands = (samples: number, photometric: number) =>
    tiffOf({
      ...size,
      bits: 8,
      samples,
      photometric,
      data: Uint8Array.from({ length: samples * width * height }, (_, i) => i % 200),
    });

  it('three without a colour are red, green and blue; five are refused before training', async () => {
    const { config, report } = await setOf({
      'a.tif': bands(3, 1),
      'b.tif': bands(3, 1),
      'c.tif': bands(5, 1),
    });
    const pages = await decodePhoto('a', bands(3, 1), { channels: 3, maxPixels: 1e6 });
    expect([...pages.pixels.subarray(0, 6)]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(report.unreadable[0]?.reason).toContain('it has 5 channels that no tag gives a colour');
    expect(datasetFrom(report, { ...config, wrongMasks: 'skip' }).notes[0]).toContain(
      'taken as red, green and blue',
    );
  });

  it('0 for white turns photos over, and never masks', async () => {
    const white = tiffOf({ ...size, bits: 8, photometric: 0, data: new Uint8Array(width * height).fill(5) });
    expect((await decodePhoto('a', white, { channels: 1, maxPixels: 1e6 })).pixels[0]).toBe(250);
    const { report } = await setOf({ 'a.tif': white, 'b.tif': white }, { 'a.tif': white, 'b.png': mask });
    expect(report.classPixels[5]).toBe(width * height);
  });
});

describe('stacks', () => {
  const page = (value: number) => ({ ...size, bits: 8, data: new Uint8Array(width * height).fill(value) });
  const labels = (value: number) => ({
    ...size,
    bits: 8,
    data: Uint8Array.from(ramp(0, 1), (x) => (x > 0.5 ? value : 0)),
  });

  it('are samples page by page, thumbnails are none, and pages without a mask are told', async () => {
    const thumbnail = { ...page(9), width: 4, height: 4, data: new Uint8Array(16), tags: { 254: 1 } };
    const set = await setOf(
      { 'a.tif': tiffOf(page(10), thumbnail, page(20)), 'b.tif': tiffOf(page(1), page(2)) },
      { 'a.tif': tiffOf(labels(1), labels(2)), 'b.tif': tiffOf(labels(1)) },
    );
    expect(set.report.samples.map(({ id, page: of }) => [id, of])).toEqual([
      ['a#0', 0],
      ['a#1', 1],
    ]);
    expect(set.report.unreadable[0]).toEqual({
      id: 'b',
      path: 'b.tif',
      reason: expect.stringContaining('it has 1 page, its photo 2 pages'),
    });
    const { samples } = await loaded({ ...set, config: { ...set.config, wrongMasks: 'skip' } });
    expect(samples.map((sample) => [sample.pixels[0], sample.labels.at(-1)])).toEqual([
      [10, 1],
      [20, 2],
    ]);
    const text = formatDatasetTable(datasetTable(set.report));
    expect(text).toContain('2 tiff, uint8, grey, values 10 to 20');
  });
});

describe('orientation', () => {
  const photo = (orientation: number, wide = true) =>
    sharp({ create: { width: wide ? 20 : 16, height: 16, channels: 3, background: '#777' } })
      .withMetadata({ orientation })
      .jpeg()
      .toBuffer();
  const upright = pngMask(16, 20, (x) => Number(x > 9));

  it.each([
    [6, mask, 'stored', /the size of their masks is that of the stored pixels.*--orientation stored/],
    [6, upright, 'photo', /their masks lie as the upright photo does.*--orientation photo/],
  ])('is what the size of the masks says', async (orientation, of, settled, note) => {
    const bytes = await photo(orientation);
    const { config, report } = await setOf({ 'a.jpg': bytes, 'b.jpg': bytes }, { 'a.png': of, 'b.png': of });
    const dataset = datasetFrom(report, config);
    expect(dataset.orientation).toBe(settled);
    expect(dataset).toMatchObject({ notes: [expect.stringMatching(note)], warnings: [] });
  });

  it('is asked for where sizes cannot tell, and every answer works', async () => {
    const bytes = await photo(3);
    const set = await setOf({ 'a.jpg': bytes, 'b.jpg': bytes });
    expect(() => datasetFrom(set.report, set.config)).toThrow(
      /2 photos carry .*\(a: turned by 180 degrees\).*--orientation photo if .*--orientation stored if/,
    );
    for (const orientation of ['photo', 'stored'] as const) {
      const config = { ...set.config, orientation };
      expect(datasetFrom(await scanDataset(config), config)).toMatchObject({ notes: [], warnings: [] });
    }
  });

  it('of a mask turns it with its photo, or neither is turned', async () => {
    const data = Uint8Array.from({ length: width * height }, (_, i) => Number(i < width));
    const tags = { 274: 3 };
    const file = tiffOf({ ...size, bits: 8, data, tags });
    const set = await setOf({ 'a.tif': file, 'b.tif': file }, { 'a.tif': file, 'b.tif': file });
    const { dataset, samples } = await loaded(set);
    expect(dataset.orientation).toBe('photo');
    expect([...(samples[0]?.labels ?? [])]).toEqual([...data].reverse());
    const lone = await setOf({ 'a.tif': tiffOf({ ...size, bits: 8, data }) }, { 'a.tif': file });
    expect(lone.report.notes.join()).toMatch(
      /1 mask .*carries an orientation that the photos do not: masks are turned/,
    );
    const stored = { ...set.config, orientation: 'stored' } as const;
    const [kept] = (await loaded({ ...set, config: stored, report: await scanDataset(stored) })).samples;
    expect([...(kept?.labels ?? [])]).toEqual([...data]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('%d turns values as the library turns photos', async (orientation) => {
    const pixels = Uint8Array.from({ length: 3 * 5 * 4 }, (_, i) => i);
    const file = await sharp(pixels, { raw: { width: 5, height: 4, channels: 3 } })
      .withMetadata({ orientation })
      .png()
      .toBuffer();
    const expected = await sharp(file).autoOrient().raw().toBuffer();
    expect([...turned(pixels, { width: 5, height: 4, channels: 3, orientation })]).toEqual([...expected]);
  });
});
