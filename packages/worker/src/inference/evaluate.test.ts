import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scanDataset } from '@unet-fleet/dataset';
import { type DataConfig, totalsOf } from '@unet-fleet/law';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BrightnessEngine, dataOf, modelOf } from './doubles.test-helper.ts';
import { evaluateModel, loadAhead } from './evaluate.ts';
import { formatEvaluation } from './evaluation-table.ts';
import { indexMask } from './prediction-files.ts';
import { writeEvaluation } from './write-evaluation.ts';

let root: string;
let data: DataConfig;
const [width, height] = [32, 16];

/** All dark photos of 512 pixels; the truth is class `value` in the given number of rows, 0 in the rest. */
async function sample(id: string, value: number, numRows: number): Promise<void> {
  const labels = Uint8Array.from({ length: width * height }, (_, at) => (at < numRows * width ? value : 0));
  writeFileSync(join(root, `masks/${id}.png`), await indexMask({ width, height, labels }, 256));
  await sharp({ create: { width, height, channels: 3, background: '#202020' } })
    .png()
    .toFile(join(root, `photos/${id}.png`));
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'evaluate-'));
  mkdirSync(join(root, 'photos'));
  mkdirSync(join(root, 'masks'));
  data = dataOf({ images: join(root, 'photos'), masks: join(root, 'masks'), numClasses: 4 });
  await sample('a', 1, 4);
  await sample('b', 255, 8);
  await sample('c', 3, 2);
});
afterAll(() => rmSync(root, { recursive: true }));

async function evaluate(leafSize: number) {
  const engine = new BrightnessEngine();
  const { samples } = await scanDataset(data, { cacheDir: join(root, 'cache') });
  const progress: number[] = [];
  const options = { data, leafSize };
  const report = await evaluateModel(modelOf(4, data), engine, samples, options, (done) =>
    progress.push(done),
  );
  return { report, engine, progress };
}

describe('evaluateModel', () => {
  it('sums over leaves, at training size, without ignored pixels', async () => {
    const { report, engine, progress } = await evaluate(2);
    expect(engine.sizes).toEqual(['2x32x16', '1x32x16']);
    expect(progress).toEqual([2, 3]);
    const numPixels = 3 * 512 - 256;
    const numWrong = 4 * 32 + 2 * 32;
    expect(report.metrics.numPixels).toBe(numPixels);
    expect(report.metrics.pixelAccuracy).toBe(1 - numWrong / numPixels);
    expect(report.loss).toBeCloseTo((0.5 * (numPixels - numWrong) + 2 * numWrong) / numPixels, 12);
    expect(report.metrics.classes[2]!.presence).toBe('absent');
    expect(report.metrics.baseline.pixelAccuracy).toBe(report.metrics.pixelAccuracy);
  });

  it.each([
    ['b', 'with the scores of the others', '1 of them left out'],
    ['abc', 'with no score', 'all of them left out'],
  ])('leaves photos out whose loss is not finite: %s, %s', async (failing, _, sentence) => {
    const engine = new BrightnessEngine();
    const evaluateLeaf = engine.evaluateLeaf.bind(engine);
    let leaf = 0;
    engine.evaluateLeaf = async (batch, confusion) => {
      const sums = await evaluateLeaf(batch, confusion);
      return failing.includes('abc'[leaf++]!) ? { ...sums, lossSum: Number.NaN } : sums;
    };
    const { samples } = await scanDataset(data, { cacheDir: join(root, 'cache') });
    const report = await evaluateModel(modelOf(4, data), engine, samples, { data, leafSize: 1 });
    expect(report).toMatchObject({ numImages: 3, numNotFinite: failing.length });
    expect(formatEvaluation(report)).toContain(sentence);
    if (failing === 'abc') {
      expect(report).toMatchObject({ loss: null, metrics: { numPixels: 0, meanIou: null } });
      expect(formatEvaluation(report)).toMatch(/loss +-\n/);
    } else expect(report.metrics.numPixels).toBe(2 * 512);
  });

  it('has the loss over all photos at once, where it is a function of sums over them', async () => {
    const engine = new BrightnessEngine();
    const ofLeaves = [0, 1, 2].map((leaf) => Array.from({ length: 12 }, (_, i) => 1 + leaf + i / 3));
    let leaf = 0;
    engine.evaluateLeaf = async () => ({ lossSum: 0, weightSum: 0, addends: ofLeaves[leaf++]! });
    const { samples } = await scanDataset(data, { cacheDir: join(root, 'cache') });
    const model = { ...modelOf(4, data), loss: 'batch-dice' } as const;
    const report = await evaluateModel(model, engine, samples, { data, leafSize: 1 });
    const totals = ofLeaves[0]!.map((_, i) => ofLeaves.reduce((sum, ofLeaf) => sum + ofLeaf[i]!, 0));
    const { lossSum, weightSum } = totalsOf('batch-dice')!.lossOf(totals);
    expect(report.loss).toBe(lossSum / weightSum);
  });

  it('gives the same matrix whatever the leaf size', async () => {
    const [one, three] = [await evaluate(1), await evaluate(3)];
    expect(one.report.confusion).toEqual(three.report.confusion);
  });

  it('refuses masks with classes that the model does not know, and an empty set', async () => {
    const { samples } = await scanDataset(data, { cacheDir: join(root, 'cache') });
    const model = modelOf(3, data);
    const evaluation = evaluateModel(model, new BrightnessEngine(), samples, { data, leafSize: 1 });
    await expect(evaluation).rejects.toThrow(
      'The mask of c holds class 3, but the model knows the classes 0 to 2',
    );
    const none = evaluateModel(model, new BrightnessEngine(), [], { data, leafSize: 1 });
    await expect(none).rejects.toThrow('There is no photo with a mask to evaluate');
  });
});

describe('a photo that fails', () => {
  it('costs no other, and is told', async () => {
    const { samples } = await scanDataset(data, { cacheDir: join(root, 'cache') });
    const gone = { ...samples[0]!, id: 'gone', photo: 'gone.png' };
    const flat = { ...samples[0]!, id: 'flat', photo: 'flat.png', height: 1 };
    const scaled = { ...data, size: '', scale: 1 };
    class BrokenOnce extends BrightnessEngine {
      override async predict(batch: Parameters<BrightnessEngine['predict']>[0]): Promise<Uint16Array> {
        const labels = await super.predict(batch);
        if (this.sizes.length === 2) throw new TypeError('broken');
        return labels;
      }
    }
    const scored = await evaluateModel(
      modelOf(4, scaled),
      new BrokenOnce(),
      [gone, samples[0]!, flat, samples[1]!, samples[2]!],
      { data: scaled, leafSize: 2 },
    );
    expect(scored.failures.map(({ path }) => path)).toEqual(
      ['flat', 'gone', 'b', 'c'].map((id) => join(root, `photos/${id}.png`)),
    );
    expect(scored.numImages).toBe(1);
    expect(scored.metrics.numPixels).toBe(512);
    expect(scored.bug).toBeInstanceOf(TypeError);
    const none = evaluateModel(modelOf(4, data), new BrightnessEngine(), [gone], { data, leafSize: 1 });
    await expect(none).rejects.toThrow(/No photo could be scored; .*gone\.png: Cannot read/);
  });
});

describe('the report', () => {
  it('is a table with absent classes by name and the baseline beside the scores', async () => {
    const { report } = await evaluate(1);
    const text = formatEvaluation({ ...report, classNames: ['null', 'ha\u001b[31mir', 'skin', 'coat'] });
    expect(text).not.toContain('\u001b');
    const lines = text.split('\n');
    expect(lines.find((line) => line.startsWith('pixel accuracy'))).toMatch(/85\.0 % +85\.0 %$/);
    expect(lines).toContain('absent from truth and prediction (1): skin');
    const header = lines.findIndex((line) => line.startsWith('class  name'));
    const rows = lines.slice(header, header + 4);
    expect(new Set(rows.map((line) => line.length)).size).toBe(1);
    expect(rows.slice(1).map((line) => line.trim().split(/\s+/)[0])).toEqual(['0', '1', '3']);
  });

  it('is written as JSON, CSV and picture', async () => {
    const { report } = await evaluate(1);
    const files = await writeEvaluation(report, join(root, 'out'));
    const json = JSON.parse(readFileSync(files.json, 'utf8'));
    expect(json.metrics.classes[2]).toMatchObject({ name: 'class 2', iou: null, presence: 'absent' });
    expect(json.metrics.baseline.name).toBe('null');
    expect(json.absentPolicy).toContain('does not count');
    expect(readFileSync(files.csv, 'utf8').split('\n')[2]).toBe('<b>hair</b>,128,0,0,0');
    expect((await sharp(files.picture).metadata()).format).toBe('png');
    writeFileSync(join(root, 'file'), '');
    await expect(writeEvaluation(report, join(root, 'file'))).rejects.toThrow(
      'choose another folder with --out',
    );
  });
});

describe('loadAhead', () => {
  it('loads the next item while this one is used, and reports a failure at its turn', async () => {
    const begun: string[] = [];
    const load = async (item: string) => {
      begun.push(item);
      if (item === 'c') throw new Error('c is bad');
      return item.toUpperCase();
    };
    const seen: string[] = [];
    const run = async () => {
      for await (const [item, loaded] of loadAhead(['a', 'b', 'c'], load)) {
        seen.push(`${item}${loaded} begun ${begun.join('')}`);
      }
    };
    await expect(run()).rejects.toThrow('c is bad');
    expect(seen).toEqual(['aA begun ab', 'bB begun abc']);
  });
});
