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
import { minus, type ProcessorSeconds, perStep, processorSeconds } from './processor-time.ts';
import { median } from './spread.ts';

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

export type Summary = Omit<Measurement, 'peakWorkerMb'>;

const numWarmUpSteps = 2;
const script = fileURLToPath(new URL('../../../packages/cli/bin/unet-fleet.js', import.meta.url));
export type Step = Extract<RunEvent, { type: 'step' }>;

/** Draws a set that is just large enough, and trains on it for `numSteps` steps. `options`: of the run's config. */
export async function measure(
  workload: Workload,
  numWorkers: number,
  options: Readonly<Record<string, string>> = {},
): Promise<Measurement> {
  const { batchSize, threads } = workload;
  const memory = watchChildren('worker');
  const leafSize = Math.ceil(batchSize / numWorkers);
  const steps = await stepsOf(workload, numWorkers, { leafSize, threads, ...options });
  return { ...summary(steps, numWorkers), peakWorkerMb: memory.stop() };
}

/** Told what processes took of the processor for a step, on average over those after the warm-up. */
export type OnProcessorTime = (ofStep: ProcessorSeconds) => void;

/**
 * The steps after the warm-up of a run whose photos are drawn. `options`: of the config, beside those of the workload.
 * `workerCommand`: what a worker's process is.
 */
export async function stepsOf(
  workload: Omit<Workload, 'threads'>,
  numWorkers: number,
  options: Record<string, unknown>,
  workerCommand = [process.execPath, script, 'worker'],
  onProcessorTime: OnProcessorTime = () => {},
): Promise<Step[]> {
  const { baseWidth, width, height, batchSize, numClasses, numSteps } = workload;
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
      epochs: 1,
      validationShare: 1 / (numTrain + 1),
      workers: numWorkers,
      minWorkers: numWorkers,
      runDir: join(folder, 'run'),
      ...options,
    };
    const steps: Step[] = [];
    let atStart: ProcessorSeconds | null = null;
    await runCoordinator({
      config: loadConfig({ flags }),
      resume: null,
      workerCommand,
      cacheDir: cacheFolder(process.env),
      softwareVersion: version,
      onEvent: (event) => {
        if (event.type !== 'step') return;
        steps.push(event);
        if (steps.length === numWarmUpSteps) atStart = processorSeconds();
        if (steps.length === numSteps && atStart) {
          onProcessorTime(perStep(minus(processorSeconds(), atStart), numSteps - numWarmUpSteps));
        }
      },
      onScanProgress: () => {},
      log: { info: () => {}, warn: () => {} },
      signal: new AbortController().signal,
      onKillable: () => {},
    });
    return steps.slice(numWarmUpSteps);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Medians. */
export function summary(steps: Step[], numWorkers: number): Summary {
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
  };
}
