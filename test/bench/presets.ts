/** The workloads that figures are told of, by name, so that two people who name one have measured the same. */
import type { Workload } from './measure.ts';

export interface TrainingPreset extends Workload {
  about: string;
  numWorkers: number;
}

const full = { baseWidth: 64, width: 256, height: 192, batchSize: 2, numClasses: 59, numSteps: 6 };

/** What trains the U-Net. `threads`: of each worker, 0 for all cores. */
export const trainings = {
  full: { about: 'the U-Net of the paper, one worker with all cores', ...full, numWorkers: 1, threads: 0 },
  'full-1': {
    about: 'the same with a batch of one, one worker of one thread',
    ...{ ...full, batchSize: 1, numWorkers: 1, threads: 1 },
  },
  'two-workers': {
    about: 'the same with two workers of one thread, beside DistributedDataParallel',
    ...{ ...full, numWorkers: 2, threads: 1 },
  },
  small: {
    about: 'base width 16, one worker with all cores',
    ...{ baseWidth: 16, width: 192, height: 128, batchSize: 8, numClasses: 59, numSteps: 12 },
    ...{ numWorkers: 1, threads: 0 },
  },
} satisfies Record<string, TrainingPreset>;

/** What moves or changes values, and computes nothing else. */
export const others = {
  kernels: 'adding and RMSprop, one thread, 31,041,403 values',
  exchange: "two workers' gradients averaged, optimized and sent back, no computing, beside gloo",
};

export const presetNames = [...Object.keys(trainings), ...Object.keys(others)];
export const defaultPresets = ['full', 'two-workers', 'small', 'kernels', 'exchange'];
