/** A run folder as a coordinator leaves it, made in a moment, with names that somebody chose to do harm with. */
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { loadConfig } from '@unet-fleet/config/load';
import { generateSample } from '@unet-fleet/dataset';
import { createRunFolder, EvaluationWriter, identitySha256, runPaths } from '@unet-fleet/record';
import { smallModel } from './small-model.ts';

export interface MadeRun {
  runDir: string;
  /** What the data folders are in. */
  dataDir: string;
  sampleIds: string[];
}

export interface Names {
  /** Of the run folder; of one class beside "ground"; of a worker; of all photos, before their numbers. */
  run: string;
  class: string;
  worker: string;
  photo: string;
}

const at = (second: number): string => new Date(Date.UTC(2026, 0, 2, 3, 4, second)).toISOString();
const size = { width: 32, height: 48 };
const numSteps = 8;

/** A run of 8 steps with two validations, a worker that was lost, a restart, and a rate set by hand. */
export async function makeRun(folder: string, names: Names): Promise<MadeRun> {
  const dataDir = join(folder, 'data');
  const set = await generateSample(dataDir, { numImages: 4, ...size });
  const sampleIds = ['0001', '0002'].map((id) => `${names.photo}${id}`);
  for (const part of [set.images, set.masks]) {
    for (const file of readdirSync(part)) renameSync(join(part, file), join(part, `${names.photo}${file}`));
  }
  const runDir = join(folder, names.run);
  mkdirSync(runDir);
  const classNames = ['ground', names.class, ...Array.from({ length: 5 }, (_, index) => `class ${index}`)];
  const config = loadConfig({
    flags: { images: set.images, masks: set.masks, size: '32x48', baseWidth: 8, epochs: 4, device: 'cpu' },
  });
  createRunFolder(runDir, {
    config,
    record: {
      formatVersion: 1,
      runId: 'made-run',
      createdAt: at(0),
      identitySha256: identitySha256(config),
      dataSha256: 'f'.repeat(64),
      engineThreads: 1,
      model: smallModel({ numClasses: 7 }),
      classNames,
      versions: { 'unet-fleet': '0.1.0' },
    },
    split: { train: ['0003', '0004'].map((id) => `${names.photo}${id}`), validation: sampleIds },
  });
  writeFileSync(runPaths(runDir).metrics, lines(eventsOf(names)));
  writeFileSync(
    join(runDir, 'interventions.json'),
    JSON.stringify({
      formatVersion: 1,
      interventions: [{ step: 6, learningRate: 0.0005, previousRate: 0.001, at: at(20), by: names.worker }],
    }),
  );
  await writeEvaluations(runDir, sampleIds);
  return { runDir, dataDir, sampleIds };
}

const lines = (events: object[]): string => events.map((event) => `${JSON.stringify(event)}\n`).join('');

function eventsOf({ worker }: Names): object[] {
  const started = (second: number, numStepsDone: number) => ({
    ...{ type: 'run-started', at: at(second), runId: 'made-run', runDir: '', brokerUrl: 'nats://u:secret@h' },
    ...{ numStepsDone, numSteps, numTrainPhotos: 2, numValidationPhotos: 2, numClasses: 7 },
    ...{ numParameters: 1, numLeaves: 1 },
  });
  const step = (n: number, second: number) => ({
    ...{ type: 'step', at: at(second), epoch: Math.ceil(n / 2), stepInEpoch: 2 - (n % 2), step: n },
    ...{ loss: n === 3 ? null : 1 / n, learningRate: n < 6 ? 0.001 : 0.0005, numImages: 1, gradientNorm: 2 },
    ...{ stepMs: 900, numWorkers: 1 },
    timings: { fetchMs: 10, dataMs: 20, computeMs: 700, sendMs: 10, reduceMs: 50, optimizeMs: 10 },
    workers: [
      { worker, numLeaves: 1, startMs: 0, endMs: 800, fetchMs: 10, dataMs: 20, computeMs: 700, sendMs: 10 },
    ],
  });
  const validated = (n: number, second: number, meanIou: number) => ({
    ...{ type: 'validated', at: at(second), epoch: n / 2, step: n, loss: 1 / n, pixelAccuracy: 0.8, meanIou },
    ...{ classIou: [0.8, 0.1, null, 0, 0, 0, 0], learningRate: 0.001, isBest: true },
  });
  const joined = (second: number) => ({
    type: 'worker-joined',
    at: at(second),
    worker,
    numWorkers: 1,
    numLeaves: 1,
  });
  return [
    started(0, 0),
    joined(1),
    ...[step(1, 2), step(2, 3), step(3, 4), step(4, 5)],
    validated(4, 6, 0.2),
    {
      type: 'checkpoint',
      at: at(7),
      step: 4,
      path: '',
      isBest: true,
      sizeBytes: 9,
      snapshotMs: 1,
      writeMs: 1,
    },
    { type: 'worker-left', at: at(8), worker, reason: `it said ${worker}`, numWorkers: 0 },
    // What a killed coordinator had done after its checkpoint, as a copy of the file may still have it.
    step(5, 9),
    started(15, 4),
    joined(16),
    { type: 'paused', at: at(17), by: worker },
    { type: 'resumed', at: at(19), by: worker, pausedMs: 2_000 },
    { type: 'learning-rate-changed', at: at(20), step: 6, from: 0.001, to: 0.0005, by: worker },
    ...[step(5, 21), step(6, 22), step(7, 23), step(8, 24)],
    validated(8, 26, 0.3),
    { type: 'warning', at: at(27), message: `look at ${worker}` },
    {
      ...{ type: 'finished', at: at(28), reason: 'completed', step: 8, weightsSha256: 'e'.repeat(64) },
      ...{ bestCheckpoint: null, lastCheckpoint: null },
    },
  ];
}

async function writeEvaluations(runDir: string, sampleIds: readonly string[]): Promise<void> {
  const problems: string[] = [];
  const writer = new EvaluationWriter({
    runDir,
    numClasses: 7,
    sizeOf: () => size,
    mayWrite: () => true,
    onWarning: (message) => problems.push(message),
    onKept: () => {},
  });
  for (const [step, meanIou] of [
    [4, 0.2],
    [8, 0.3],
  ] as const) {
    const classes = Uint8Array.from({ length: size.width * size.height }, (_, pixel) =>
      pixel % size.width < step ? 1 : 0,
    );
    writer.write({
      ...{ step, epoch: step / 2, loss: 1 / step, pixelAccuracy: 0.8, meanIou },
      classIou: [0.8, 0.1, null, 0, 0, 0, 0],
      confusion: { indices: [0, 1, 7, 8], counts: [2_000, 100, 200, 772] },
      leaves: [],
      pictures: sampleIds.map((sampleId) => ({ sampleId, classes: deflateSync(classes) })),
    });
    await writer.flushed();
  }
  if (problems.length > 0) throw new Error(problems.join('; '));
}
