/**
 * A run that is watched, with real processes: what it keeps and answers is what its checkpoints say, and whoever watches,
 * follows photos or has some segmented changes not one bit of its weights.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateSync } from 'node:zlib';
import { withoutSecrets } from '@unet-fleet/config';
import { loadConfig } from '@unet-fleet/config/load';
import {
  type LiveRun,
  type LiveStatus,
  type Observer,
  type RunOutcome,
  runCoordinator,
  type Segmentation,
} from '@unet-fleet/coordinator';
import { decodePhoto, generateSample, resizePhoto, type SampleSet, toBatch } from '@unet-fleet/dataset';
import type { RunEvent } from '@unet-fleet/law';
import { loadCheckpoint, openEvaluations } from '@unet-fleet/record';
import { cacheFolder } from '@unet-fleet/shared';
import { openInferenceEngine } from '@unet-fleet/worker/inference/index';
import { version } from 'unet-fleet/version';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

const script = fileURLToPath(new URL('../packages/cli/bin/unet-fleet.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'live-run-'));
const size = { width: 32, height: 48 };
/** 24 photos, 6 of them to validate: 18 steps of 2, validated after the 9th and the 18th. */
const recipe = {
  size: `${size.width}x${size.height}`,
  baseWidth: 4,
  batchSize: 2,
  leafSize: 1,
  epochs: 2,
  validationShare: 0.25,
  threads: 1,
  device: 'cpu',
  workers: 2,
  minWorkers: 2,
  checkpointEvery: 1,
  keepCheckpoints: 20,
};
let set: SampleSet;

interface Run {
  outcome: RunOutcome;
  events: (RunEvent & { at: string })[];
  runDir: string;
}

async function train(name: string, observers: readonly Observer[]): Promise<Run> {
  const runDir = join(folder, name);
  const events: Run['events'] = [];
  const flags = { ...recipe, images: set.images, masks: set.masks, classNames: set.classNames, runDir };
  const listening: Observer = async (run) => {
    const stop = run.onEvent((event) => events.push(event));
    return { close: async () => stop() };
  };
  const outcome = await runCoordinator({
    config: loadConfig({ flags }),
    resume: null,
    workerCommand: [process.execPath, script, 'worker'],
    cacheDir: cacheFolder(process.env),
    softwareVersion: version,
    observers: [listening, ...observers],
    onEvent: () => {},
    onScanProgress: () => {},
    log: { info: () => {}, warn: () => {} },
    signal: new AbortController().signal,
    onKillable: () => {},
  });
  return { outcome, events, runDir };
}

/** Classes of a photo by the weights of a checkpoint, computed alone. */
async function predicted(path: string, checkpoint: string): Promise<Uint8Array> {
  const { manifest, vectors } = loadCheckpoint(checkpoint);
  const { model, classNames } = manifest;
  const data = loadConfig({ flags: {} }).data;
  const engine = await openInferenceEngine(
    {
      name: checkpoint,
      model,
      classNames,
      data,
      loss: 'cross-entropy',
      classWeights: null,
      wire: 'float32',
      ...vectors,
    },
    { device: 'cpu', intraOpThreads: 1, precision: 'float32' },
  );
  try {
    const photo = await decodePhoto(path, readFileSync(path), { channels: 3, maxPixels: 2 ** 27 });
    const pixels = await resizePhoto(photo, size);
    const labels = new Uint8Array(size.width * size.height);
    return Uint8Array.from(await engine.predict(toBatch([{ ...size, channels: 3, pixels, labels }])));
  } finally {
    await engine.close();
  }
}

const checkpointOf = ({ runDir }: Pick<Run, 'runDir'>, step: number): string =>
  join(runDir, 'checkpoints', `step-${String(step).padStart(8, '0')}`);

/** Does it while the run stands still at a step whose checkpoint is durable. */
async function atRest(run: LiveRun, act: () => Promise<void>): Promise<void> {
  run.controls.pause('the test');
  const patience = { timeout: 60_000, interval: 10 };
  await vi.waitUntil(() => run.status().state === 'paused', patience);
  const { step } = run.status();
  // Left out while others are still being written: asked for until it is there.
  const isThere = () => {
    const exists = existsSync(checkpointOf(run, step));
    if (!exists) run.controls.checkpoint('the test');
    return exists;
  };
  await vi.waitUntil(isThere, { ...patience, interval: 500 });
  await act().finally(() => run.controls.resume('the test'));
}

let watched: Run;
let unwatched: Run;
let seen: { run: LiveRun; segmentations: Segmentation[]; status: LiveStatus | null; photo: string };

beforeAll(async () => {
  set = await generateSample(join(folder, 'sample'), { numImages: 24, width: 48, height: 64 });
  const photo = join(set.images, '0003.jpg');
  const watcher: Observer = async (run) => {
    seen = { run, segmentations: [], status: null, photo };
    run.follow(run.validationSamples.slice(1, 4).map(({ id }) => id));
    let segmenting = Promise.resolve();
    const stop = run.onEvent((event) => {
      if (event.type !== 'step') return;
      if (event.step === 16) seen.status = run.status();
      // The end of an epoch: what is validated after it is what the workers hold when the run stands still.
      if (event.step === 9) {
        segmenting = atRest(run, async () => {
          seen.segmentations.push(await run.segment(readFileSync(photo)));
        });
      }
      // And while steps go on beside it.
      if (event.step === 12) void run.segment(readFileSync(photo)).catch(() => {});
    });
    return {
      close: async () => {
        stop();
        await segmenting;
      },
    };
  };
  const broken: Observer = async (run) => {
    run.onEvent(() => {
      throw new Error('this one is broken');
    });
    throw new Error('and does not start');
  };
  watched = await train('watched', [watcher, broken]);
  unwatched = await train('unwatched', [
    async (run) => {
      run.follow([]);
      return { close: async () => {} };
    },
  ]);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('ends with the same weights, watched or not', () => {
  expect(watched.outcome).toMatchObject({ reason: 'completed', step: 18 });
  expect(watched.outcome.weightsSha256).toBe(unwatched.outcome.weightsSha256);
  const courseOf = ({ events }: Run) =>
    events.flatMap((event) => (event.type === 'validated' ? [{ ...event, at: '', isBest: true }] : []));
  expect(courseOf(watched)).toEqual(courseOf(unwatched));
});

it('tells of observers that are broken, and goes on', () => {
  const warnings = watched.events.flatMap((event) => (event.type === 'warning' ? event.message : []));
  expect(warnings.filter((message) => message.startsWith('one that watches')).sort()).toEqual([
    'one that watches the run has failed and is told no more: this one is broken',
    'one that watches the run has failed: and does not start',
  ]);
});

it('keeps the scores of each validation, with the photos behind them', async () => {
  const evaluations = openEvaluations(watched.runDir);
  expect(evaluations.steps()).toEqual([9, 18]);
  for (const step of [9, 18]) {
    const evaluation = await evaluations.read(step);
    const event = watched.events.find((other) => other.type === 'validated' && other.step === step);
    const { loss, meanIou, pixelAccuracy, classIou } = evaluation!;
    expect(event).toMatchObject({ loss, meanIou, pixelAccuracy, classIou });
    const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
    const ofLeaves = evaluation!.leaves.map(({ confusion }) => sum(confusion.counts));
    expect(sum(ofLeaves)).toBe(sum(evaluation!.confusion.counts));
    expect(evaluation!.leaves.flatMap(({ sampleIds }) => sampleIds)).toEqual(
      seen.run.validationSamples.map(({ id }) => id),
    );
  }
  expect((await openEvaluations(unwatched.runDir).read(18))?.pictures).toEqual([]);
  expect(watched.events.filter(({ type }) => type === 'evaluation-kept')).toMatchObject([
    { step: 9, numPictures: 3 },
    { step: 18, numPictures: 3 },
  ]);
});

it('keeps the predictions of followed photos: those that the checkpoint gives', async () => {
  const evaluations = openEvaluations(watched.runDir);
  const evaluation = await evaluations.read(18);
  expect(evaluation!.pictures.map(({ sampleId }) => sampleId)).toEqual(seen.run.followed());
  for (const [index, { sampleId, ...shape }] of evaluation!.pictures.entries()) {
    expect(shape).toEqual({ ...size, bytesPerPixel: 1 });
    const { imagePath } = seen.run.validationSamples.find(({ id }) => id === sampleId)!;
    const classes = inflateSync((await evaluations.readClasses(18, index))!);
    expect(Buffer.compare(classes, await predicted(imagePath, checkpointOf(watched, 18)))).toBe(0);
  }
});

it('segments a photo as the weights of that step do', async () => {
  expect(seen.segmentations).toHaveLength(1);
  const [{ step, width, height, classes, rgb }] = seen.segmentations as [Segmentation];
  expect(step).toBe(9);
  expect({ width, height }).toEqual(size);
  expect(rgb).toHaveLength(width * height * 3);
  expect(Buffer.compare(classes, await predicted(seen.photo, checkpointOf(watched, step)))).toBe(0);
});

it('shows what the workers do', () => {
  const steps = watched.events.flatMap((event) => (event.type === 'step' ? [event] : []));
  expect(steps).toHaveLength(18);
  for (const { workers, stepMs } of steps) {
    expect(workers!.reduce((sum, { numLeaves }) => sum + numLeaves, 0)).toBe(2);
    for (const lane of workers!) {
      expect(lane.startMs).toBeLessThan(lane.endMs);
      expect(lane.endMs).toBeLessThanOrEqual(stepMs + 1);
      expect(lane.computeMs).toBeGreaterThan(0);
    }
  }
  const { facts, step, state } = seen.status!;
  expect({ step, state }).toEqual({ step: 16, state: 'training' });
  expect(facts.map(({ name, device, numThreads }) => ({ name, device, numThreads }))).toEqual(
    expect.arrayContaining([
      { name: 'worker-1', device: 'cpu', numThreads: 1 },
      { name: 'worker-2', device: 'cpu', numThreads: 1 },
    ]),
  );
  for (const { imagesPerSecond, pid } of facts) {
    expect(imagesPerSecond).toBeGreaterThan(0);
    expect(pid).not.toBe(process.pid);
  }
});

it('describes the run without its secrets', () => {
  const { run } = seen;
  expect(run.config).toEqual(withoutSecrets(run.config));
  expect(run).toMatchObject({ numSteps: 18, numStepsPerEpoch: 9, numEpochs: 2, runDir: watched.runDir });
  expect(run.classNames).toHaveLength(7);
  expect(() => run.follow(['nobody'])).toThrow('no validation photo');
});
