/**
 * What is to be shown of a GPU, a part each: set-up, a real run, the same bits every time, the time of a step beside PyTorch,
 * the exchange with several workers on one GPU, and the sentence for a leaf that does not fit. The same parts run on the
 * processor, so that all of it has been tried before it reaches a machine that is rented by the minute.
 */
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { generateSample, type SampleSet, sampleClasses } from '@unet-fleet/dataset';
import { pytorch } from '../pytorch.ts';
import { median } from '../spread.ts';
import { command, type Step, type Trained, train } from './train.ts';

export interface PartOptions {
  device: 'gpu' | 'cpu';
  /** Of what the parts write. */
  folder: string;
  baseWidth: number;
  width: number;
  height: number;
  batchSize: number;
  /** Of a measurement, the first for warming up. */
  numSteps: number;
  numRuns: number;
  numRounds: number;
  workerCounts: number[];
  /** With torch; '' for none. */
  python: string;
  /** Of the device that leaves are computed on. */
  memoryBytes: number;
}

export interface Row {
  what: string;
  value: string;
  /** Null: a figure, which is neither. */
  isGood: boolean | null;
}

const numWarmUpSteps = 5;
/** Of the drawn photos. */
const numClasses = sampleClasses.length;
const ms = (value: number): string => `${value.toFixed(1)} ms`;
const figure = (what: string, value: string): Row => ({ what, value, isGood: null });
const verdict = (what: string, isGood: boolean, value: string): Row => ({ what, value, isGood });

export type Part = (options: PartOptions) => Promise<Row[]>;

/** In the order in which they are shown. */
export const parts: Record<string, Part> = {
  'set-up': setUp,
  'a real run': realRun,
  'the same bits': sameBits,
  'a step beside PyTorch': besidePyTorch,
  'several workers on one device': severalWorkers,
  'a leaf that does not fit': tooLarge,
};

async function setUp({ device }: PartOptions): Promise<Row[]> {
  const { exitCode, lastLine, wallMs } = await command(['setup', device === 'gpu' ? '--gpu' : '--no-gpu']);
  const doctor = await command(['doctor']);
  return [
    verdict('setup', exitCode === 0, `${lastLine} (${(wallMs / 1_000).toFixed(1)} s)`),
    verdict('doctor', doctor.exitCode === 0, doctor.lastLine),
  ];
}

/** A set that is drawn once for each size and number of photos. */
function drawn(
  { folder }: PartOptions,
  numImages: number,
  width: number,
  height: number,
): Promise<SampleSet> {
  return generateSample(join(folder, `set-${numImages}-${width}x${height}`), { numImages, width, height });
}

let numTrained = 0;

/** Trains `epochs` times on as many steps of photos as asked for. */
async function trained(
  options: PartOptions,
  numSteps: number,
  flags: readonly string[],
  epochs = 1,
): Promise<Trained> {
  const { device, folder, baseWidth, width, height, batchSize } = options;
  const numTrain = numSteps * batchSize;
  const set = await drawn(options, numTrain + batchSize, width, height);
  return train(join(folder, `run-${++numTrained}`), [
    ...['--images', set.images, '--masks', set.masks, '--class-names', set.classNames],
    ...['--device', device, '--size', `${width}x${height}`, '--base-width', `${baseWidth}`],
    ...['--batch-size', `${batchSize}`, '--epochs', `${epochs}`],
    ...['--validation-share', `${batchSize / (numTrain + batchSize)}`, ...flags],
  ]);
}

/** It learns: the loss of its last steps is below that of its first. */
async function realRun(options: PartOptions): Promise<Row[]> {
  const { batchSize, numSteps } = options;
  const { exitCode, lastLine, steps, events, wallMs } = await trained(options, numSteps, [], 3);
  const what = `train, ${steps.length} steps of ${batchSize} photos`;
  if (exitCode !== 0) return [verdict(what, false, lastLine)];
  const quarter = Math.ceil(steps.length / 4);
  const [first, last] = [steps.slice(0, quarter), steps.slice(-quarter)].map((some) =>
    median(some.map(({ loss }) => loss ?? Number.NaN)),
  ) as [number, number];
  const validated = events.flatMap((event) => (event.type === 'validated' ? [event.loss?.toFixed(3)] : []));
  return [
    verdict(what, last < first, `loss ${first.toFixed(3)}, then ${last.toFixed(3)}`),
    figure('validation loss of each epoch', validated.join(', ')),
    figure('images/s of a step, start to end', ((1_000 * batchSize) / stepMsOf(steps)).toFixed(1)),
    figure('whole command', `${(wallMs / 1_000).toFixed(1)} s`),
  ];
}

async function sameBits(options: PartOptions): Promise<Row[]> {
  const hashes: string[] = [];
  for (let run = 0; run < options.numRuns; run++) {
    const { exitCode, lastLine, weightsSha256 } = await trained(options, 6, []);
    if (exitCode !== 0) return [verdict(`run ${run + 1} of ${options.numRuns}`, false, lastLine)];
    hashes.push(weightsSha256);
  }
  const different = new Set(hashes);
  const what = `${hashes.length} runs of 6 steps`;
  return [
    verdict(what, different.size === 1, `${different.size} different weights: ${[...different].join(', ')}`),
  ];
}

/** Median of the steps after the warm-up. */
function stepMsOf(steps: readonly Step[]): number {
  return median(steps.slice(Math.min(numWarmUpSteps, steps.length - 1)).map((step) => step.stepMs));
}

async function besidePyTorch(options: PartOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for (const precision of ['float32', 'bf16']) {
    const [ours, theirs, computeMs]: [number[], number[], number[]] = [[], [], []];
    let trouble = '';
    for (let round = 0; round < options.numRounds && trouble === ''; round++) {
      if (options.python) theirs.push(await pyTorchStepMs(options, precision === 'bf16'));
      const flags = precision === 'bf16' ? ['--precision', 'bf16'] : [];
      const { exitCode, lastLine, steps } = await trained(options, options.numSteps, [
        ...['--leaf-size', `${options.batchSize}`, ...flags],
      ]);
      if (exitCode !== 0) trouble = lastLine;
      else {
        ours.push(stepMsOf(steps));
        computeMs.push(median(steps.slice(numWarmUpSteps).map(({ timings }) => timings?.computeMs ?? 0)));
      }
    }
    if (trouble !== '') {
      rows.push(verdict(precision, false, trouble));
      continue;
    }
    const compute = `${ms(median(ours))}, of it computing ${ms(median(computeMs))}`;
    const ratios = theirs.map((their, i) => their / ours[i]!);
    const beside = `PyTorch ${theirs.length > 0 ? ms(median(theirs)) : ''}, ${theirs.length > 0 ? median(ratios).toFixed(2) : ''} of its speed`;
    rows.push(
      figure(
        `${precision}${precision === 'float32' && options.device === 'gpu' ? ' (TF32)' : ''}, ${ours.length} rounds`,
        options.python ? `${compute}; ${beside}` : `${compute}; no --python to compare it with`,
      ),
    );
  }
  return rows;
}

async function pyTorchStepMs(options: PartOptions, isBf16: boolean): Promise<number> {
  const { python, device, batchSize, width, height, baseWidth, numSteps } = options;
  const answer = await pytorch(python, 'step', [
    ...['--device', device === 'gpu' ? 'cuda' : 'cpu', '--base', baseWidth, '--classes', numClasses],
    ...['--batch', batchSize, '--height', height, '--width', width, '--steps', numSteps],
    ...(isBf16 ? ['--bf16'] : []),
  ]);
  return Number(answer.step_ms);
}

/** One leaf for each of the largest fleet, so that every fleet computes the same step. */
async function severalWorkers(options: PartOptions): Promise<Row[]> {
  const { batchSize, workerCounts, numSteps } = options;
  const leafSize = Math.max(1, Math.floor(batchSize / Math.max(...workerCounts)));
  const rows: Row[] = [];
  const hashes = new Set<string>();
  for (const numWorkers of workerCounts) {
    const flags = [
      '--workers',
      `${numWorkers}`,
      '--min-workers',
      `${numWorkers}`,
      '--leaf-size',
      `${leafSize}`,
    ];
    const { exitCode, lastLine, steps, weightsSha256 } = await trained(options, numSteps, [
      ...flags,
      ...(options.device === 'cpu' ? ['--threads', '1'] : []),
    ]);
    const what = `${numWorkers} worker${numWorkers > 1 ? 's' : ''}, leaves of ${leafSize}`;
    if (exitCode !== 0) {
      rows.push(verdict(what, false, lastLine));
      continue;
    }
    hashes.add(weightsSha256);
    const part = (name: 'computeMs' | 'sendMs' | 'reduceMs' | 'optimizeMs' | 'fetchMs') =>
      ms(median(steps.slice(numWarmUpSteps).map(({ timings }) => timings?.[name] ?? 0)));
    rows.push(
      figure(
        what,
        `step ${ms(stepMsOf(steps))}: compute ${part('computeMs')}, send ${part('sendMs')}, reduce ${part('reduceMs')}, optimize ${part('optimizeMs')}, fetch ${part('fetchMs')}`,
      ),
    );
  }
  return [...rows, verdict('their weights', hashes.size === 1, `${hashes.size} different`)];
}

/** One photo, of which the first layer's output alone is more than all memory there is: wide, so that the photo is not. */
async function tooLarge(options: PartOptions): Promise<Row[]> {
  const memoryBytes = Math.max(options.memoryBytes, options.device === 'cpu' ? totalmem() : 0);
  const baseWidth = 256;
  const side = Math.min(16_384, 16 * Math.ceil(Math.sqrt((1.1 * memoryBytes) / (4 * baseWidth)) / 16));
  const set = await drawn(options, 2, 64, 64);
  const { exitCode, lastLine } = await train(join(options.folder, 'too-large'), [
    ...['--images', set.images, '--masks', set.masks, '--class-names', set.classNames],
    ...['--device', options.device, '--size', `${side}x${side}`, '--base-width', `${baseWidth}`],
    ...['--depth', '2', '--epochs', '1', '--batch-size', '1', '--validation-share', '0.5'],
  ]);
  const isGood = exitCode !== 0 && /memory does not suffice for a leaf/.test(lastLine);
  return [verdict(`a leaf of ${side}x${side}`, isGood, lastLine)];
}
