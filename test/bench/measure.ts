/**
 * Measures real training steps: the real coordinator, broker and worker processes on drawn photos, as `train` runs
 * them. Nothing is taken out of a step that a user's step has.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '@unet-fleet/config/load';
import { runCoordinator } from '@unet-fleet/coordinator';
import { generateSample } from '@unet-fleet/dataset';
import type { RunEvent, StepTimings } from '@unet-fleet/law';
import { cacheFolder } from '@unet-fleet/shared';
import { version } from 'unet-fleet/version';
import { watchChildren } from './processes.ts';

export interface Workload {
  baseWidth: number;
  width: number;
  height: number;
  batchSize: number;
  numClasses: number;
  numSteps: number;
  /** Intra-op threads of each worker; 0: all cores. */
  threads: number;
}

export interface Measurement {
  numWorkers: number;
  imagesPerSecond: number;
  /** Medians over the steps after the warm-up. */
  stepMs: number;
  timings: StepTimings;
  peakWorkerMb: number;
}

const numWarmUpSteps = 2;
const script = fileURLToPath(new URL('../../../packages/cli/bin/unet-fleet.js', import.meta.url));
type Step = Extract<RunEvent, { type: 'step' }>;

/** Draws a set that is just large enough, and trains on it for `numSteps` steps. */
export async function measure(workload: Workload, numWorkers: number): Promise<Measurement> {
  const { baseWidth, width, height, batchSize, numClasses, numSteps, threads } = workload;
  const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-bench-'));
  try {
    const numTrain = numSteps * batchSize;
    const set = await generateSample(folder, { numImages: numTrain + 1, width, height });
    const flags = {
      images: set.images,
      masks: set.masks,
      size: `${width}x${height}`,
      numClasses,
      baseWidth,
      batchSize,
      leafSize: Math.ceil(batchSize / numWorkers),
      threads,
      epochs: 1,
      validationShare: 1 / (numTrain + 1),
      workers: numWorkers,
      minWorkers: numWorkers,
      runDir: join(folder, 'run'),
    };
    const steps: Step[] = [];
    const memory = watchChildren('worker');
    await runCoordinator({
      config: loadConfig({ flags }),
      resume: null,
      workerCommand: [process.execPath, script, 'worker'],
      cacheDir: cacheFolder(process.env),
      softwareVersion: version,
      onEvent: (event) => {
        if (event.type === 'step') steps.push(event);
      },
      onScanProgress: () => {},
      log: { info: () => {}, warn: () => {} },
      signal: new AbortController().signal,
      onKillable: () => {},
    });
    return summary(steps.slice(numWarmUpSteps), numWorkers, memory.stop());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function summary(steps: Step[], numWorkers: number, peakWorkerMb: number): Measurement {
  const stepMs = median(steps.map((step) => step.stepMs));
  const part = (name: keyof StepTimings) => median(steps.map(({ timings }) => timings![name]));
  return {
    numWorkers,
    imagesPerSecond: (steps[0]!.numImages * 1_000) / stepMs,
    stepMs,
    timings: {
      fetchMs: part('fetchMs'),
      dataMs: part('dataMs'),
      computeMs: part('computeMs'),
      sendMs: part('sendMs'),
      reduceMs: part('reduceMs'),
      optimizeMs: part('optimizeMs'),
    },
    peakWorkerMb,
  };
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
