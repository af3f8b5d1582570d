/**
 * `pnpm bench:loader`: photos and masks from files to batches, as a worker has them made in its first epoch (the data
 * thread, nothing kept from before), beside PyTorch's DataLoader with PIL. Per core means per second of processor time, of
 * all threads and processes that take part: so the figure holds on a machine that is not idle, and says what loading
 * leaves to those who compute.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '@unet-fleet/config/load';
import {
  datasetFrom,
  generateSample,
  maskMeaning,
  readLabels,
  type Sample,
  scanDataset,
} from '@unet-fleet/dataset';
import type { DataConfig } from '@unet-fleet/law';
import { readPlain } from '@unet-fleet/shared';
import { DataThread } from '@unet-fleet/worker/shell/data-thread';
import sharp from 'sharp';
import { runShell } from './processes.ts';
import { median } from './spread.ts';

const usage = `Usage: pnpm bench:loader [options]
  --images <folder>    photos; default: a set that is drawn, of 550x830 pixels
  --masks <folder>     their masks, .mat or .png
  --photos <n>         of them (default 300)
  --size <WxH>         training size (default 128x192)
  --batch <n>          photos of a batch (default 8)
  --rounds <n>         turns (default 5)
  --python <python>    a Python with torch, numpy, pillow and scipy, for the yardstick
  --processes <n>      of its DataLoader (default 2)
  --json               print the figures as JSON`;

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '' },
    masks: { type: 'string', default: '' },
    photos: { type: 'string', default: '300' },
    size: { type: 'string', default: '128x192' },
    batch: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '5' },
    python: { type: 'string', default: '' },
    processes: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

const numPhotos = Number(values.photos);
const batchSize = Number(values.batch);
const [width, height] = values.size.split('x').map(Number) as [number, number];
const yardstick = fileURLToPath(new URL('../../bench/loader_pil.py', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-bench-loader-'));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

interface Figures {
  imagesPerSecond: number;
  imagesPerCoreSecond: number;
}

/** Photos with one kind of mask. */
interface Set {
  masks: 'mat' | 'png';
  config: DataConfig;
  samples: Sample[];
  list: string;
}

/** PIL's filter that is ours, and the one that U-Nets in PyTorch take. */
const filters = ['lanczos', 'bicubic'] as const;
type Loader = 'unet-fleet' | (typeof filters)[number];
const loaders: Loader[] = values.python === '' ? ['unet-fleet'] : ['unet-fleet', ...filters];
const measured: { masks: Set['masks']; loader: Loader; figures: Figures }[] = [];

try {
  const sets = await prepare();
  for (const { config, samples } of sets) await loadAll(config, samples.slice(0, 4 * batchSize));
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const set of sets) {
      for (const loader of loaders) {
        const figures = await (loader === 'unet-fleet'
          ? loadAll(set.config, set.samples)
          : loadWithPil(set.list, loader));
        measured.push({ masks: set.masks, loader, figures });
        const { imagesPerSecond, imagesPerCoreSecond } = figures;
        process.stderr.write(
          `round ${round}: .${set.masks} ${loader}  ${imagesPerSecond.toFixed(0)} images/s, ${imagesPerCoreSecond.toFixed(0)} a core\n`,
        );
      }
    }
  }
  report();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The set as it is, and with its masks saved anew as the other kind where it has .mat masks. */
async function prepare(): Promise<Set[]> {
  let [images, masks] = [resolve(values.images), resolve(values.masks)];
  if (values.images === '') {
    ({ images, masks } = await generateSample(join(folder, 'drawn'), {
      numImages: numPhotos,
      width: 550,
      height: 830,
    }));
  }
  const first = await openSet(images, masks);
  if (first.masks === 'png') return [first];
  const pngs = join(folder, 'png');
  mkdirSync(pngs);
  const meaning = await maskMeaning(first.config);
  for (const { mask } of first.samples) {
    const path = join(masks, mask);
    const { labels, ...size } = await readLabels(path, await readPlain(path), meaning);
    const raw = { width: size.width, height: size.height, channels: 1 } as const;
    const image = sharp(Buffer.from(labels), { raw }).toColourspace('b-w').png();
    await image.toFile(join(pngs, `${basename(mask, '.mat')}.png`));
  }
  return [first, await openSet(images, pngs)];
}

async function openSet(images: string, masks: string): Promise<Set> {
  const flags = { images, masks, size: values.size };
  const config = loadConfig({ flags, env: {}, files: [] });
  const dataset = datasetFrom(await scanDataset(config.data), config.data);
  const { maskValues, valueRange, orientation } = dataset;
  const data = { ...config.data, maskValues, valueRange, orientation };
  const samples = dataset.samples.slice(0, numPhotos);
  const kind = samples.every(({ mask }) => mask.endsWith('.mat')) ? 'mat' : 'png';
  const list = join(folder, `${kind}.txt`);
  const line = ({ photo, mask }: Sample) => `${join(images, photo)}\t${join(masks, mask)}\n`;
  writeFileSync(list, samples.map(line).join(''));
  return { masks: kind, config: data, samples, list };
}

/** Batch after batch, of which two are made at a time. */
async function loadAll(config: DataConfig, samples: Sample[]): Promise<Figures> {
  const thread = new DataThread(config, null);
  try {
    // As there, an epoch of a few photos for warming up.
    await Promise.all(samples.slice(0, 2 * batchSize).map((sample) => thread.load(sample)));
    const make = async (first: number) => {
      const own = samples.slice(first, first + batchSize);
      return thread.batch(await Promise.all(own.map((sample) => thread.load(sample))));
    };
    const [before, start] = [process.cpuUsage(), performance.now()];
    const underWay: Promise<unknown>[] = [];
    for (let first = 0; first < samples.length; first += batchSize) {
      underWay.push(make(first));
      if (underWay.length === 2) await underWay.shift();
    }
    await Promise.all(underWay);
    const seconds = (performance.now() - start) / 1_000;
    const { user, system } = process.cpuUsage(before);
    return {
      imagesPerSecond: samples.length / seconds,
      imagesPerCoreSecond: (samples.length * 1e6) / (user + system),
    };
  } finally {
    await thread.close();
  }
}

async function loadWithPil(list: string, filter: string): Promise<Figures> {
  const options = `--list ${list} --width ${width} --height ${height} --batch ${batchSize}`;
  const { lastLine } = await runShell(
    `${values.python} ${yardstick} ${options} --workers ${values.processes} --filter ${filter}`,
  );
  const { images_per_s, images_per_core_s } = JSON.parse(lastLine);
  return { imagesPerSecond: images_per_s, imagesPerCoreSecond: images_per_core_s };
}

function report(): void {
  const kinds = [...new Set(measured.map(({ masks }) => masks))];
  const rows = kinds.flatMap((masks) => {
    const of = (loader: Loader) =>
      measured.filter((one) => one.masks === masks && one.loader === loader).map(({ figures }) => figures);
    const ours = of('unet-fleet');
    return loaders.map((loader) => {
      const figures = of(loader);
      const ratios = figures.map((one, i) => ours[i]!.imagesPerCoreSecond / one.imagesPerCoreSecond);
      return {
        masks,
        loader,
        imagesPerSecond: median(figures.map(({ imagesPerSecond }) => imagesPerSecond)),
        imagesPerCoreSecond: median(figures.map(({ imagesPerCoreSecond }) => imagesPerCoreSecond)),
        oursOverIt: median(ratios),
        spread: [Math.min(...ratios), Math.max(...ratios)] as const,
      };
    });
  });
  if (values.json) {
    console.log(JSON.stringify({ numPhotos, size: values.size, rows, measured }, null, 2));
    return;
  }
  console.log(`${numPhotos} photos to ${values.size}, medians of ${values.rounds}`);
  console.log('masks  loader        images/s  per core  ours over it');
  for (const { masks, loader, imagesPerSecond, imagesPerCoreSecond, oursOverIt, spread } of rows) {
    const name = loader === 'unet-fleet' ? loader : `PIL ${loader}`;
    const ratio =
      loader === 'unet-fleet'
        ? ''
        : `${oursOverIt.toFixed(2)} (${spread.map((one) => one.toFixed(2)).join(' to ')})`;
    console.log(
      `.${masks}   ${name.padEnd(14)}${imagesPerSecond.toFixed(0).padEnd(10)}${imagesPerCoreSecond.toFixed(0).padEnd(10)}${ratio}`,
    );
  }
}
