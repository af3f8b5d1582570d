/**
 * `pnpm bench:data`: what it costs a worker to have no data folder. The same run with a worker that reads the folder and
 * with one that fetches every photo and mask from the coordinator, over a real broker, in turns; the model is small, so
 * that data and not arithmetic decides.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '@unet-fleet/config/load';
import { runCoordinator, startBroker } from '@unet-fleet/coordinator';
import { generateSample } from '@unet-fleet/dataset';
import type { RunEvent } from '@unet-fleet/law';
import { cacheFolder } from '@unet-fleet/shared';
import { version } from 'unet-fleet/version';
import { parseArgs } from '../tools/arguments.ts';
import { requireTools, toolOptions, toolUsage } from '../tools/require.ts';

const usage = `Usage: pnpm bench:data [options]
  --photos <n>       photos of the drawn set (default 200)
  --photo-size <s>   their size, WIDTHxHEIGHT (default 550x800)
  --size <s>         size that they are trained at (default 128x192)
  --base-width <n>   width of the U-Net (default 4)
  --rounds <n>       measurements of each kind, in turns (default 3)
  --json             print the figures as JSON
${toolUsage}`;

const { values } = parseArgs({
  options: {
    photos: { type: 'string', default: '200' },
    'photo-size': { type: 'string', default: '550x800' },
    size: { type: 'string', default: '128x192' },
    'base-width': { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    ...toolOptions,
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
await requireTools('bench:data', [], values);

type Source = 'folder' | 'coordinator';
interface Measured {
  source: Source;
  /** By epoch, from the worker's joining or the epoch's first moment to its last commit. */
  imagesPerSecond: number[];
  /** From the start of the worker's process to the first commit. */
  firstCommitMs: number;
  weightsSha256: string;
}

const batchSize = 8;
const numEpochs = 2;
const script = fileURLToPath(new URL('../../../packages/cli/bin/unet-fleet.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-bench-data-'));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

try {
  const [width, height] = values['photo-size'].split('x').map(Number) as [number, number];
  const set = await generateSample(join(folder, 'sample'), {
    numImages: Number(values.photos),
    width,
    height,
  });
  const measured: Measured[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const source of ['folder', 'coordinator'] as const) {
      measured.push(await measure(source, set, `${round}-${source}`));
      process.stderr.write(`round ${round + 1} of ${values.rounds}: ${source}\n`);
    }
  }
  report(measured, sizeOf(set.images) + sizeOf(set.masks));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(
  source: Source,
  set: { images: string; masks: string },
  name: string,
): Promise<Measured> {
  const root = join(folder, name);
  const broker = await startBroker({ port: 0, folder: join(root, 'broker') });
  const events: (RunEvent & { atMs: number })[] = [];
  const startedMs = performance.now();
  const worker = spawn(
    process.execPath,
    [
      ...[
        script,
        'worker',
        '--nats-url',
        broker.url,
        '--wait-run',
        '60',
        '--sample-cache',
        join(root, 'samples'),
      ],
      ...(source === 'coordinator' ? ['--fetch'] : []),
    ],
    {
      env: {
        ...process.env,
        UNET_FLEET_NATS_USER: broker.worker.user,
        UNET_FLEET_NATS_PASSWORD: broker.worker.password,
      },
      stdio: ['ignore', 'ignore', 'ignore'],
    },
  );
  const ended = once(worker, 'exit');
  try {
    const { images, masks } = set;
    const flags = {
      ...{
        images,
        masks,
        size: values.size,
        baseWidth: Number(values['base-width']),
        batchSize,
        leafSize: 2,
      },
      ...{ threads: 1, device: 'cpu', epochs: numEpochs, validationShare: 0.1, runDir: join(root, 'run') },
      ...{ natsUrl: broker.url, natsUser: broker.user, natsPassword: broker.password, workers: 0 },
    };
    const { weightsSha256 } = await runCoordinator({
      config: loadConfig({ flags }),
      resume: null,
      workerCommand: [],
      cacheDir: cacheFolder(process.env),
      softwareVersion: version,
      onEvent: (event) => void events.push({ ...event, atMs: performance.now() }),
      onScanProgress: () => {},
      log: { info: () => {}, warn: () => {} },
      signal: new AbortController().signal,
      onKillable: () => {},
    });
    const [code] = await ended;
    if (code !== 0) throw new Error(`the worker ended with exit code ${code}`);
    return { source, weightsSha256, ...figuresOf(events, startedMs) };
  } finally {
    worker.kill('SIGKILL');
    await broker.stop();
  }
}

function figuresOf(events: (RunEvent & { atMs: number })[], startedMs: number) {
  const joinedMs = events.find(({ type }) => type === 'worker-joined')!.atMs;
  const steps = events.filter((event) => event.type === 'step');
  const imagesPerSecond = Array.from({ length: numEpochs }, (_, i) => {
    const ofEpoch = steps.filter(({ epoch }) => epoch === i + 1);
    const begunMs = events.find((event) => event.type === 'epoch-started' && event.epoch === i + 1)!.atMs;
    const numImages = ofEpoch.reduce((sum, step) => sum + step.numImages, 0);
    return (numImages * 1_000) / (ofEpoch.at(-1)!.atMs - Math.max(joinedMs, begunMs));
  });
  return { imagesPerSecond, firstCommitMs: steps[0]!.atMs - startedMs };
}

function sizeOf(path: string): number {
  return readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
}

function report(measured: Measured[], dataBytes: number): void {
  const of = (source: Source, figure: (one: Measured) => number) =>
    median(measured.filter((one) => one.source === source).map(figure));
  const rows = ([0, 1] as const).map((epoch) => {
    const local = of('folder', ({ imagesPerSecond }) => imagesPerSecond[epoch]!);
    const fetched = of('coordinator', ({ imagesPerSecond }) => imagesPerSecond[epoch]!);
    return {
      epoch: epoch + 1,
      folderImagesPerSecond: local,
      fetchedImagesPerSecond: fetched,
      ratio: fetched / local,
    };
  });
  const isSame = new Set(measured.map(({ weightsSha256 }) => weightsSha256)).size === 1;
  if (!isSame) process.exitCode = 1;
  const firstCommit = {
    folderMs: of('folder', (one) => one.firstCommitMs),
    fetchedMs: of('coordinator', (one) => one.firstCommitMs),
  };
  if (values.json) {
    console.log(JSON.stringify({ dataBytes, isSame, epochs: rows, firstCommit, measured }, null, 2));
    return;
  }
  console.log(
    `${values.photos} photos of ${values['photo-size']} (${(dataBytes / 1e6).toFixed(1)} MB with masks), medians of ${values.rounds}`,
  );
  console.log('epoch  folder        fetched       ratio');
  for (const { epoch, folderImagesPerSecond, fetchedImagesPerSecond, ratio } of rows) {
    const cell = (rate: number) => `${rate.toFixed(1)} images/s`.padEnd(14);
    console.log(
      `${epoch}      ${cell(folderImagesPerSecond)}${cell(fetchedImagesPerSecond)}${ratio.toFixed(3)}`,
    );
  }
  console.log(
    `first commit after ${(firstCommit.folderMs / 1e3).toFixed(2)} s with the folder, ${(firstCommit.fetchedMs / 1e3).toFixed(2)} s without`,
  );
  console.log(isSame ? 'the same weights each time' : 'THE WEIGHTS DIFFER');
}

function median(numbers: number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
