/** The run whose fleets are measured: photos that are small, a batch of one-photo leaves, and a stand-in's pretended passes. */
import { join } from 'node:path';
import { generateSample, type SampleSet } from '@unet-fleet/dataset';
import { type Carrier, type Point, runPoint } from './point.ts';

export interface Workload {
  /** Of what is drawn and run. */
  folder: string;
  baseWidth: number;
  /** Leaves of a step, whoever computes them. */
  batchSize: number;
  /** Of the coordinator, beside what makes the run what it is. */
  flags: readonly string[];
}

export interface Measured {
  numWorkers: number;
  carrier: Carrier;
  /** What a leaf takes. */
  leafMs: number;
  /** Rounded up to whole epochs; null: until `stopAfterMs` is over. */
  numSteps: number | null;
  stopAfterMs?: number;
}

/** Photos of an epoch, in steps. */
const stepsOfEpoch = 4;
const side = 32;
/** Of the photos that the moments of a backward pass are of. */
const pretended = { width: 256, height: 192 };

const numPhotosOf = ({ batchSize }: Workload): number => stepsOfEpoch * batchSize;

/** Draws what the fleets train on: once for each size of batch. */
export const drawSet = (workload: Workload): Promise<SampleSet> =>
  generateSample(join(workload.folder, `set-${workload.batchSize}`), {
    ...{ numImages: numPhotosOf(workload) + 1, width: side, height: side },
  });

export function measureFleet(workload: Workload, set: SampleSet, measured: Measured): Promise<Point> {
  const { folder, baseWidth, batchSize, flags } = workload;
  const { numWorkers, carrier, leafMs, numSteps, stopAfterMs = null } = measured;
  const epochs = numSteps === null ? 1_000_000 : Math.ceil(numSteps / stepsOfEpoch);
  return runPoint({
    ...{ numWorkers, carrier, set, stopAfterMs, folder: join(folder, 'point') },
    standIn: { leafMs, ...pretended },
    flags: [
      ...['--size', `${side}x${side}`, '--base-width', `${baseWidth}`, '--epochs', `${epochs}`],
      ...['--batch-size', `${batchSize}`, '--leaf-size', '1', '--validate-every', '100'],
      ...['--validation-share', `${1 / (numPhotosOf(workload) + 1)}`, ...flags],
    ],
  });
}
