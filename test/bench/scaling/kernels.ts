/** What is done to every byte of a gradient so that a run is what it is, each timed beside a plain copy, in turns. */

import { loadConfig } from '@unet-fleet/config/load';
import { StepDigests } from '@unet-fleet/coordinator/reducer/hashing';
import {
  blockSumsOfSquares,
  checksumOf,
  combineNodes,
  createOptimizer,
  NumericMemory,
} from '@unet-fleet/numerics';
import { median } from '../spread.ts';

export type KernelName = 'copy' | 'add' | 'finite check and norm' | 'update' | 'checksum' | 'hash';
export type KernelTimes = Record<KernelName, number>;

/** Milliseconds for `numValues` float32 values on one thread, medians. */
export function timeKernels(numValues: number, numRounds: number): KernelTimes {
  const memory = new NumericMemory();
  const { train } = loadConfig({});
  const optimizer = createOptimizer(train);
  const vector = () => memory.allocate(numValues);
  const [parameters, gradients, other] = [vector(), vector(), vector()];
  const slots = optimizer.slots.map(vector);
  gradients.view.fill(1e-3);
  const digests = new StepDigests(memory);
  const bytes = () =>
    new Uint8Array(gradients.view.buffer, gradients.view.byteOffset, gradients.view.byteLength);
  const scalars = { scale: 1e-6, normCoefficient: 1, learningRate: 1e-3, updateIndex: 1 };
  const kernels: Record<KernelName, () => void> = {
    copy: () => other.view.set(gradients.view),
    add: () => combineNodes(other, gradients, 'float32'),
    'finite check and norm': () => void blockSumsOfSquares(gradients),
    update: () => optimizer.apply({ parameters, gradients, slots }, scalars),
    checksum: () => void checksumOf(bytes()),
    hash: () => void digests.ofDelivery(gradients),
  };
  const times = Object.fromEntries(Object.keys(kernels).map((name) => [name, [] as number[]]));
  for (let round = 0; round <= numRounds; round++) {
    for (const [name, kernel] of Object.entries(kernels)) {
      const startMs = performance.now();
      kernel();
      // The first touches memory that nobody has touched.
      if (round > 0) times[name]!.push(performance.now() - startMs);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, of]) => [name, median(of)])) as KernelTimes;
}
