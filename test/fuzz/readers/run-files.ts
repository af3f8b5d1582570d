/** The files of a run's folder, and what a scan remembers: they may be of an older version, cut short, or edited. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { differingKeys } from '@unet-fleet/config';
import { loadConfig } from '@unet-fleet/config/load';
import type { PictureFacts } from '@unet-fleet/dataset/readers/picture-facts';
import { ScanCache } from '@unet-fleet/dataset/scan-cache';
import { isPrintable, UserError } from '@unet-fleet/law';
import { historyOf } from '@unet-fleet/pictures/history';
import {
  acquireRunLock,
  MetricsFile,
  openEvaluations,
  openRunFolder,
  readLedger,
  readStatus,
  standingEventsIn,
} from '@unet-fleet/record';
import { smallModel } from '../../helpers/small-model.ts';
import type { Reader, Seed } from '../reader.ts';
import { textSeed } from './files.ts';

const isUserError = (error: unknown) => error instanceof UserError;
const config = loadConfig({ flags: { images: 'photos', masks: 'masks' } });
const hash = 'a'.repeat(64);
const runFiles = {
  'config.json': config,
  'split.json': { train: ['a', 'b/c', 'd'], validation: ['e'] },
  'run.json': {
    formatVersion: 1,
    runId: 'run-1',
    createdAt: '2026-01-01T00:00:00.000Z',
    identitySha256: hash,
    dataSha256: hash,
    engineThreads: 1,
    model: smallModel({ baseWidth: 16 }),
    classNames: ['null', 'coat'],
    versions: { 'unet-fleet': '0.1.0' },
  },
};

function readRunFolder(input: Uint8Array, { name }: Seed, folder: string): void {
  const root = join(folder, 'work', 'run');
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  for (const [file, value] of Object.entries(runFiles))
    writeFileSync(join(root, file), JSON.stringify(value));
  writeFileSync(join(root, name), input);
  const { config: found, record, split } = openRunFolder(root);
  // What the commands do with them.
  differingKeys(config, found);
  const ids = [...split.train, ...split.validation].map((id) => id.toUpperCase());
  const sizes = record.classNames.map((className) => className.length);
  if (!Number.isInteger(record.engineThreads + record.model.baseWidth + ids.length + sizes.length)) {
    throw new Error('numbers that are none');
  }
}

const at = '2026-01-01T00:00:00.000Z';
const status = {
  at,
  runId: 'run-1',
  term: 2,
  pid: 9,
  state: 'training',
  step: 4,
  numSteps: 40,
  checkpoint: { step: 3, at },
  workers: [{ name: 'a', state: 'computing', lastSeen: at, reason: '' }],
  awaited: [{ who: 'a', what: 'leaf 3', why: 'leased', since: at, until: at, outcome: 'a twin' }],
};

const cells = { indices: [0, 3], counts: [10, 20] };
const evaluation = {
  version: 1,
  step: 9,
  epoch: 1,
  at,
  loss: 0.5,
  pixelAccuracy: 0.9,
  meanIou: 0.4,
  classIou: [0.8, null],
  confusion: cells,
  leaves: [{ sampleIds: ['a', 'b/c'], confusion: cells }],
  pictures: [{ sampleId: 'a', width: 4, height: 3, bytesPerPixel: 1 }],
};

const line = {
  version: 1,
  at: '2026-01-01T00:00:00.000Z',
  term: 2,
  step: 1,
  epoch: 1,
  stepInEpoch: 1,
  numLeaves: 2,
  durationMs: 12.5,
  learningRate: 0.001,
  lossSum: 3,
  weightSum: 64,
  gradientNorm: 0.5,
  gradientSha256: hash,
  samplesSha256: hash,
  numBytes: 1024,
  answers: [
    {
      node: { level: 1, index: 0 },
      worker: 'a',
      workerId: 'worker.1',
      arrivedMs: 10,
      sha256: hash,
      numBytes: 1024,
      alsoFrom: [],
      leaves: [
        { lossSum: 1, weightSum: 32, gradientNorm: 0.25, isFinite: true },
        { lossSum: 2, weightSum: 32, gradientNorm: 0.25, isFinite: true },
      ],
    },
  ],
  parts: [],
  skippedLeaves: [],
  rejected: [{ worker: 'b', reason: 'late', count: 1 }],
  repeated: [],
};
const jsonl = (lines: object[]): string => lines.map((value) => `${JSON.stringify(value)}\n`).join('');
const ledger = jsonl([
  line,
  { ...line, step: 2 },
  { ...line, step: 2, term: 3 },
  { ...line, step: 3, term: 3 },
]);
const metrics = jsonl([
  { type: 'run-started', numStepsDone: 0 },
  { type: 'step', epoch: 1, step: 1, loss: 0.5, learningRate: 0.1 },
  { type: 'validated', epoch: 1, step: 1, loss: 0.5, meanIou: 0.1, pixelAccuracy: 0.5, isBest: true },
  { type: 'checkpoint', step: 1, path: 'step-00000001', isBest: true },
]);

const hostileLines = (): Seed[] => [
  textSeed('null.jsonl', 'null\n5\n"a"\n[]\n{}\n'),
  textSeed('nested.jsonl', `${'['.repeat(200_000)}\n`),
  textSeed('no-end.jsonl', `{"a": "${'x'.repeat(200_000)}`),
  textSeed('newlines.jsonl', '\n'.repeat(200_000)),
];

const stamp = { numBytes: 10, modifiedMs: 20 };
const facts: PictureFacts = {
  container: 'png',
  width: 4,
  height: 3,
  channels: 1,
  kind: 'u1',
  bits: 8,
  meaning: 'grey',
  numExtra: 0,
  hasAlpha: false,
  orientation: 1,
  isLossy: false,
  low: 0,
  high: 0,
  numNoData: 0,
  hasValues: true,
  numNotFinite: 0,
};
const photo = { ok: { sha256: hash, pages: [facts] } };
const mask = {
  ok: {
    sha256: hash,
    pages: [
      {
        ...facts,
        histogram: [[0, 12]] as [number, number][],
        strange: [],
        isColour: false,
        colors: null,
      },
    ],
  },
};
const cacheKey = createHash('sha256')
  .update(JSON.stringify(['fuzz']))
  .digest('hex');

async function scanCacheSeed(folder: string): Promise<Seed[]> {
  const cache = await ScanCache.open(folder, cacheKey);
  cache.addPhoto('a.jpg', stamp, photo);
  cache.addMask('a.png', stamp, mask);
  await cache.save();
  return [{ name: 'scan.json', kind: 'text', bytes: savedCache(folder) }];
}

function savedCache(folder: string): Buffer {
  const scan = join(folder, 'scan');
  return readFileSync(join(scan, readdirSync(scan)[0]!));
}

async function readScanCache(input: Uint8Array, _: Seed, folder: string): Promise<void> {
  const scan = join(folder, 'scan');
  writeFileSync(join(scan, readdirSync(scan)[0]!), input);
  const cache = await ScanCache.open(folder, cacheKey);
  for (const [found, expected] of [
    [cache.photo('a.jpg', stamp), photo],
    [cache.mask('a.png', stamp), mask],
  ]) {
    if (found !== null && JSON.stringify(found) !== JSON.stringify(expected)) {
      throw new Error(`a damaged cache says ${JSON.stringify(found)}`);
    }
  }
}

/** Readers that pass over what they cannot read. */
const neverThrows = () => false;

export const runFileReaders: Reader[] = [
  {
    name: 'run-folder',
    weight: 0.5,
    seeds: () =>
      Object.entries(runFiles).map(([name, value]) => textSeed(name, JSON.stringify(value, null, 2))),
    hostile: () =>
      Object.keys(runFiles).flatMap((name) => [
        textSeed(name, 'null'),
        textSeed(name, '[]'),
        textSeed(name, '{}'),
        textSeed(name, '{"__proto__": null, "formatVersion": 1}'),
        textSeed(name, '['.repeat(100_000)),
        textSeed(name, `{"formatVersion": "\\u001b[2J", "versions": {"unet-fleet": "\\u001b[2J"}}`),
      ]),
    read: readRunFolder,
    isAnswer: isUserError,
  },
  {
    name: 'status',
    weight: 0.5,
    seeds: () => [textSeed('status.json', JSON.stringify(status, null, 2))],
    hostile: () => ['null', '{}', '[]', '['.repeat(100_000)].map((text) => textSeed('status.json', text)),
    read: (input, { name }, folder) => {
      writeFileSync(join(folder, 'work', name), input);
      const found = readStatus(join(folder, 'work'));
      const times = [found.at, ...found.awaited.map(({ since }) => since)].map(Date.parse);
      const texts = [found.runId, ...found.workers.flatMap((worker) => [worker.name, worker.reason])];
      if (!times.every(Number.isFinite) || !texts.every(isPrintable)) throw new Error('a status of no use');
    },
    isAnswer: isUserError,
  },
  {
    name: 'evaluation',
    weight: 0.5,
    seeds: () => [textSeed('step-00000009.json', JSON.stringify(evaluation))],
    hostile: () =>
      ['null', '{}', '[]', '['.repeat(100_000)].map((text) => textSeed('step-00000009.json', text)),
    read: async (input, { name }, folder) => {
      const root = join(folder, 'work', 'evaluated');
      mkdirSync(join(root, 'evaluations'), { recursive: true });
      writeFileSync(join(root, 'evaluations', name), input);
      const found = await openEvaluations(root).read(9);
      if (!found) throw new UserError('none');
      const matrices = [found.confusion, ...found.leaves.map((leaf) => leaf.confusion)];
      const numCells = found.classIou.length ** 2;
      const isGood = matrices.every(({ indices, counts }) =>
        indices.every((cell, i) => cell < numCells && counts[i]! >= 0),
      );
      const ids = [
        ...found.leaves.flatMap((leaf) => leaf.sampleIds),
        ...found.pictures.map((picture) => picture.sampleId),
      ];
      if (!isGood || !ids.every(isPrintable)) throw new Error('an evaluation of no use');
    },
    isAnswer: isUserError,
  },
  {
    name: 'lock',
    weight: 0.1,
    seeds: () => {
      const holder = {
        pid: 1,
        host: 'elsewhere',
        startTicks: '1',
        pidNamespace: '',
        term: 1,
        released: true,
      };
      return [textSeed('term-000001.json', JSON.stringify(holder))];
    },
    read: (input, { name }, folder) => {
      const root = join(folder, 'work', 'locked');
      rmSync(root, { recursive: true, force: true });
      mkdirSync(join(root, 'terms'), { recursive: true });
      writeFileSync(join(root, 'terms', name), input);
      acquireRunLock(root).release();
    },
    isAnswer: isUserError,
  },
  {
    name: 'ledger',
    weight: 0.2,
    seeds: () => [textSeed('ledger.jsonl', ledger)],
    hostile: hostileLines,
    read: (input, _, folder) => {
      const path = join(folder, 'work', 'ledger.jsonl');
      writeFileSync(path, input);
      const { lines } = readLedger(path);
      const steps = lines.map(({ step }) => step);
      if (steps.some((step, i) => i > 0 && step <= steps[i - 1]!)) throw new Error(`steps ${steps.join()}`);
    },
    isAnswer: neverThrows,
  },
  {
    name: 'metrics',
    weight: 0.5,
    seeds: () => [textSeed('metrics.jsonl', metrics)],
    hostile: hostileLines,
    read: (input, _, folder) => {
      const path = join(folder, 'work', 'metrics.jsonl');
      writeFileSync(path, input);
      historyOf(standingEventsIn(path));
      new MetricsFile(path, 1.5).close();
    },
    isAnswer: neverThrows,
  },
  {
    name: 'scan-cache',
    weight: 1,
    seeds: scanCacheSeed,
    hostile: () => [
      textSeed('null.json', 'null'),
      textSeed('odd.json', '{"photos": [["a.jpg", null]], "masks": []}'),
    ],
    read: readScanCache,
    isAnswer: neverThrows,
  },
];
