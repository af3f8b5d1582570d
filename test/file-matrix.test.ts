/**
 * One tiny file of every kind of photo and mask, as common libraries and programs write them, read as training reads
 * them and compared with what independent readers found in it (test/matrix/files/python/fixtures.py). `pnpm matrix:files`
 * is the long form: whole data sets, names, value sets and commands.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '@unet-fleet/config/load';
import { loadSample, type SampleBatch, type ScanReport, scanDataset, toBatch } from '@unet-fleet/dataset';
import { type DataConfig, UserError } from '@unet-fleet/law';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

// Seconds; many files and one process, where a machine is busy.
vi.setConfig({ testTimeout: 240_000 });

interface Fixture {
  file: string;
  expect: 'reads' | 'refuses' | 'either';
  /** Regular expression of what a refusal must hold. */
  says: string;
}

interface PhotoFixture extends Fixture {
  tolerance: number;
  low: number;
  high: number;
  /** As --orientation. */
  orientation: string;
  channels: number;
  /** Index in `numbers`: HWC, upright, in the file's own numbers. */
  unit: number;
}

interface MaskFixture extends Fixture {
  options: string[];
  /** Index in `numbers`: HW, -1 where the pixel is left out. */
  classes: number;
}

const fixtures = fileURLToPath(new URL('./fixtures/files/', import.meta.url));
const answers: {
  width: number;
  height: number;
  numbers: number[][];
  photos: PhotoFixture[];
  masks: MaskFixture[];
} = JSON.parse(readFileSync(join(fixtures, 'answers.json'), 'utf8'));
const { width, height, numbers } = answers;

const folder = mkdtempSync(join(tmpdir(), 'file-matrix-'));
const plain = join(folder, 'plain.png');
beforeAll(async () => {
  const raw = { width, height, channels: 1 } as const;
  const ramp = Uint8Array.from({ length: width * height }, (_, at) => at % 4);
  await sharp(ramp, { raw }).toColourspace('b-w').png().toFile(plain);
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Scanned {
  data: DataConfig;
  report: ScanReport | null;
  /** Why the file is not read; null where it is. */
  refusal: string | null;
}

/** A data set of one pair: the fixture, and a plain PNG for the other of the two. */
async function scanned(
  fixture: Fixture,
  kind: 'images' | 'masks',
  flags: Record<string, unknown>,
): Promise<Scanned> {
  const name = basename(fixture.file);
  const id = name.slice(0, -extname(name).length);
  const paths = { images: join(folder, kind, id, 'images'), masks: join(folder, kind, id, 'masks') };
  for (const path of Object.values(paths)) mkdirSync(path, { recursive: true });
  cpSync(join(fixtures, fixture.file), join(paths[kind], name));
  cpSync(plain, join(paths[kind === 'images' ? 'masks' : 'images'], `${id}.png`));
  const { data } = loadConfig({ flags: { ...paths, ...flags }, env: {}, files: [] });
  try {
    const report = await scanDataset(data);
    return { data, report, refusal: report.unreadable[0]?.reason ?? report.fault };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { data, report: null, refusal: error.message };
  }
}

/** What is wrong; null where all is as it must be. `readFault` looks at what was read. */
async function faultOf(
  { expect: wanted, says }: Fixture,
  { data, report, refusal }: Scanned,
  readFault: (batch: SampleBatch, report: ScanReport) => string | null,
): Promise<string | null> {
  if (refusal !== null) {
    if (wanted === 'reads') return `it is refused: ${refusal}`;
    return new RegExp(says, 'i').test(refusal) ? null : `the refusal does not say /${says}/: ${refusal}`;
  }
  if (wanted === 'refuses') return 'it is read, and must be refused';
  const { samples, sizeMismatches, outOfRange } = report!;
  const [sample] = samples;
  if (sample === undefined) return `it is no sample: ${JSON.stringify({ sizeMismatches, outOfRange })}`;
  const { maskValues, valueRange, orientation } = report!;
  return readFault(
    toBatch([await loadSample({ ...data, maskValues, valueRange, orientation }, sample, sample)]),
    report!,
  );
}

async function photoFault(fixture: PhotoFixture): Promise<string | null> {
  const { low, high, channels, tolerance, orientation } = fixture;
  const unit = numbers[fixture.unit]!;
  const found = await scanned(fixture, 'images', { valueRange: 'type', orientation });
  return faultOf(fixture, found, ({ images }) => {
    let worst = 0;
    for (let pixel = 0; pixel < width * height; pixel++) {
      for (let channel = 0; channel < 3; channel++) {
        const value = unit[pixel * channels + Math.min(channel, channels - 1)]!;
        const wanted = Math.min(1, Math.max(0, (value - low) / (high - low)));
        worst = Math.max(worst, Math.abs(images[pixel * 3 + channel]! - wanted));
      }
    }
    return worst <= tolerance + 1e-4 ? null : `values differ by up to ${worst.toFixed(4)} of the range`;
  });
}

async function maskFault(fixture: MaskFixture): Promise<string | null> {
  const classes = numbers[fixture.classes]!;
  const found = await scanned(fixture, 'masks', { matVariable: fixture.options[1] ?? 'groundtruth' });
  return faultOf(fixture, found, ({ labels }, { numClasses }) => {
    const seen = Array.from(labels, (label) => (label < numClasses ? label : -1));
    return `${seen}` === `${classes}` ? null : `classes are ${seen} and should be ${classes}`;
  });
}

async function faultsOf<T extends Fixture>(all: T[], faultIn: (fixture: T) => Promise<string | null>) {
  const faults: string[] = [];
  for (const fixture of all) {
    const fault = await faultIn(fixture);
    if (fault !== null) faults.push(`${fixture.file}: ${fault}`);
  }
  return faults;
}

test('a photo of every kind has the values that it was written with', async () => {
  expect(answers.photos.length).toBeGreaterThan(150);
  expect(await faultsOf(answers.photos, photoFault)).toEqual([]);
});

test('a mask of every kind has the classes that it was written with', async () => {
  expect(answers.masks.length).toBeGreaterThan(170);
  expect(await faultsOf(answers.masks, maskFault)).toEqual([]);
});
