/** What a pretended run takes of this machine's memory, so that none is begun that does not fit. */
import { describeModel, type ModelConfig } from '@unet-fleet/law';
import { numClasses } from './exchange-step.ts';

/** Vectors as long as the parameters: of a worker (weights, their files, leaf, node, offered node, stand-in's values) ... */
const vectorsOfWorker = 7;
/** ... and of the coordinator: weights, momentum, mean of squares, sums under way and spare ones. */
const vectorsOfCoordinator = 8;
/** Of a process before it holds any. */
const processBytes = 200e6;

export function neededBytes(baseWidth: number, numWorkers: number): number {
  const { numParameters } = describeModel({
    ...{ architecture: 'unet', inChannels: 3, numClasses, baseWidth, depth: 5 },
    ...{ upsampling: 'transposed', norm: 'batch' },
  } as ModelConfig);
  const numVectors = numWorkers * vectorsOfWorker + vectorsOfCoordinator;
  return numVectors * numParameters * 4 + (numWorkers + 2) * processBytes;
}
